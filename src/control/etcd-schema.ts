/**
 * The two calls of etcd's version 3 that Holdfast makes, by the numbers of etcd's public protocol: a transaction, by which
 * everything is read and written, and a watch. Fields that nobody here reads are left out; proto3 skips what it does not
 * know. What comes back is checked, because the loader gives it without types.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { z } from "zod";
import { assert } from "../words/assert.js";

/** A field of a message: its type and its number on the wire. */
interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: "repeated";
}

function field(type: string, id: number): Field {
  return { type, id };
}

function repeated(type: string, id: number): Field {
  return { type, id, rule: "repeated" };
}

const MESSAGES = {
  ResponseHeader: { fields: { cluster_id: field("uint64", 1), revision: field("int64", 3) } },
  KeyValue: { fields: { key: field("bytes", 1), mod_revision: field("int64", 3), value: field("bytes", 5) } },
  RangeRequest: {
    fields: { key: field("bytes", 1), range_end: field("bytes", 2), serializable: field("bool", 7) },
  },
  RangeResponse: { fields: { kvs: repeated("KeyValue", 2) } },
  PutRequest: { fields: { key: field("bytes", 1), value: field("bytes", 2) } },
  DeleteRangeRequest: { fields: { key: field("bytes", 1), range_end: field("bytes", 2) } },
  Compare: {
    oneofs: { target_union: { oneof: ["version", "value"] } },
    fields: {
      result: field("CompareResult", 1),
      target: field("CompareTarget", 2),
      key: field("bytes", 3),
      version: field("int64", 4),
      value: field("bytes", 7),
    },
  },
  CompareResult: { values: { EQUAL: 0, GREATER: 1, LESS: 2 } },
  CompareTarget: { values: { VERSION: 0, VALUE: 3 } },
  RequestOp: {
    oneofs: { request: { oneof: ["request_range", "request_put", "request_delete_range"] } },
    fields: {
      request_range: field("RangeRequest", 1),
      request_put: field("PutRequest", 2),
      request_delete_range: field("DeleteRangeRequest", 3),
    },
  },
  ResponseOp: {
    oneofs: { response: { oneof: ["response_range"] } },
    fields: { response_range: field("RangeResponse", 1) },
  },
  TxnRequest: {
    fields: { compare: repeated("Compare", 1), success: repeated("RequestOp", 2), failure: repeated("RequestOp", 3) },
  },
  TxnResponse: {
    fields: {
      header: field("ResponseHeader", 1),
      succeeded: field("bool", 2),
      responses: repeated("ResponseOp", 3),
    },
  },
  WatchRequest: {
    oneofs: { request_union: { oneof: ["create_request", "progress_request"] } },
    fields: { create_request: field("WatchCreateRequest", 1), progress_request: field("WatchProgressRequest", 3) },
  },
  WatchCreateRequest: {
    fields: { key: field("bytes", 1), range_end: field("bytes", 2), start_revision: field("int64", 3) },
  },
  WatchProgressRequest: { fields: {} },
  Event: { fields: { type: field("EventType", 1), kv: field("KeyValue", 2) } },
  EventType: { values: { PUT: 0, DELETE: 1 } },
  WatchResponse: {
    fields: {
      header: field("ResponseHeader", 1),
      canceled: field("bool", 4),
      compact_revision: field("int64", 5),
      cancel_reason: field("string", 6),
      events: repeated("Event", 11),
    },
  },
};

const SERVICES = {
  KV: { methods: { Txn: { requestType: "TxnRequest", responseType: "TxnResponse", comment: "" } } },
  Watch: {
    methods: {
      Watch: {
        requestType: "WatchRequest",
        responseType: "WatchResponse",
        requestStream: true,
        responseStream: true,
        comment: "",
      },
    },
  },
};

const definitions = fromJSON(
  { nested: { etcdserverpb: { nested: { ...MESSAGES, ...SERVICES } } } },
  { keepCase: true, longs: String, enums: String, bytes: Buffer, defaults: true },
);

type Method = MethodDefinition<object, object>;

/** One transaction. */
export const TXN: Method = methodOf("etcdserverpb.KV", "Txn");
/** A stream each way. */
export const WATCH: Method = methodOf("etcdserverpb.Watch", "Watch");

function methodOf(service: string, name: string): Method {
  const definition = definitions[service];
  assert(definition !== undefined && !("format" in definition), "etcd's services are among what was loaded");
  const method = new Map(Object.entries(definition)).get(name);
  assert(method !== undefined, "etcd's calls are among what was loaded");
  return method;
}

const bytes = z.instanceof(Buffer);
const keyValue = z.object({ key: bytes, value: bytes });
/** Decimal, as etcd's 64-bit numbers are given. */
const header = z.object({ cluster_id: z.string(), revision: z.string() });

/** One key with its value. */
export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
}

const txnResponse = z.object({
  header,
  succeeded: z.boolean(),
  responses: z.array(z.object({ response_range: z.object({ kvs: z.array(keyValue) }).nullish() })),
});

/** What a transaction has done. */
export interface TxnAnswer {
  /** Of the etcd cluster, decimal. */
  readonly clusterId: string;
  /** Of the whole store, decimal: a watch goes on from the next one. */
  readonly revision: string;
  /** Whether all comparisons held. */
  readonly succeeded: boolean;
  /** What the reads of the branch that was taken have found, one after the other. */
  readonly found: readonly KeyValue[];
}

/** @throws ZodError if that is no answer of etcd */
export function readTxnAnswer(answer: unknown): TxnAnswer {
  const { header: head, succeeded, responses } = txnResponse.parse(answer);
  const found = responses.flatMap(({ response_range: range }) => range?.kvs ?? []);
  return { clusterId: head.cluster_id, revision: head.revision, succeeded, found };
}

const watchResponse = z.object({
  header,
  canceled: z.boolean(),
  compact_revision: z.string(),
  cancel_reason: z.string(),
  events: z.array(z.object({ type: z.enum(["PUT", "DELETE"]), kv: keyValue })),
});

/** What a watch has to say; without events it is a sign of life. */
export interface WatchAnswer {
  readonly clusterId: string;
  /** Why etcd has ended the watch; "" if it goes on. */
  readonly ended: string;
  readonly events: readonly { readonly kind: "put" | "delete"; readonly key: Buffer; readonly value: Buffer }[];
}

/** @throws ZodError if that is no answer of etcd */
export function readWatchAnswer(answer: unknown): WatchAnswer {
  const {
    header: head,
    canceled,
    compact_revision: compacted,
    cancel_reason: reason,
    events,
  } = watchResponse.parse(answer);
  const why = compacted === "0" ? reason || "no reason given" : `revisions before ${compacted} are compacted`;
  return {
    clusterId: head.cluster_id,
    ended: canceled ? why : "",
    events: events.map(({ type, kv }) => ({ kind: type === "PUT" ? "put" : "delete", key: kv.key, value: kv.value })),
  };
}
