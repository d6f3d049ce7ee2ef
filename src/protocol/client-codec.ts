/**
 * The client's half of the wire: fields to bytes, and bytes to messages. Nothing that a server sends gets further than
 * this file before it has the shape that PROTOCOL.md gives it. The server reads and writes by its own codec; a test
 * holds both to the same bytes.
 */
import { KIND_GROUP, KIND_KEPT, KIND_OPEN_SHARD, KIND_OPENED, KIND_WELCOME } from "../words/kinds.js";
import { readAnswer } from "./client-answers.js";
import { readMap } from "./client-map.js";
import { type Field, packField } from "./field-writer.js";
import { FieldReader } from "./field-reader.js";
import { Fields, isArray, ProtocolError } from "./fields.js";
import { readPush } from "./client-pushes.js";
import { readMode } from "./client-holders.js";
import type { ServerMessage, SessionOpened, Welcome } from "./server-messages.js";

export type { Field } from "./field-writer.js";
/** A message to be sent: its kind first. */
export type Message = readonly Field[];

/** The bytes of one frame, a copy of its own. Integers are below 2^53. */
export function encodeFrame(messages: readonly Message[]): Uint8Array {
  return packField(messages);
}

/**
 * The messages of one frame, in order. Arrays and bytes in them are copies.
 * @throws ProtocolError if the bytes are no frame, or a message has not the shape of its kind.
 */
export function decodeFrame(bytes: Uint8Array): readonly ServerMessage[] {
  const reader = new FieldReader(bytes);
  const count = reader.frame();
  const messages: ServerMessage[] = [];
  for (let index = 0; index < count; index++) messages.push(reader.usual() ?? readMessage(reader.field(), index));
  reader.end();
  return messages;
}

function readMessage(message: unknown, index: number): ServerMessage {
  if (!isArray(message)) throw new ProtocolError(`malformed: message ${index} of a frame is not an array`);
  const number = new Fields(message, `message ${index}`).count(0);
  const fields = new Fields(message, `message ${index} (kind ${number})`);
  switch (number) {
    case KIND_WELCOME:
      return readWelcome(fields);
    case KIND_GROUP:
      return { kind: "group", path: fields.count(1) };
    case KIND_OPENED:
      return { kind: "opened", id: fields.count(1), paths: fields.counts(2) };
    case KIND_OPEN_SHARD:
      return {
        kind: "open-shard",
        id: fields.count(1),
        shard: fields.count(2),
        lsn: fields.count(3),
        sessions: fields.rows(4).map(readSession),
      };
    case KIND_KEPT:
      return readKept(fields);
    default:
      return readAnswer(number, fields) ?? readPush(number, fields) ?? { kind: "unknown", number };
  }
}

function readWelcome(fields: Fields): Welcome {
  const welcome = fields.map(1);
  return {
    kind: "welcome",
    version: welcome.at("version").count(0),
    server: welcome.at("server").textOrEmpty(0),
    node: welcome.at("node").textOrEmpty(0),
    worker: welcome.at("worker").count(0),
    principal: welcome.at("principal").textOrEmpty(0),
    limits: welcome.at("limits").map(0).numbers(),
    map: readMap(welcome.at("map").map(0)),
    ring: welcome.bytesOrNone("ring"),
  };
}

function readSession(fields: Fields): SessionOpened {
  return {
    path: fields.count(0),
    ttlMs: fields.count(1),
    mark: fields.count(2),
    heardCount: fields.count(3),
    ageMs: fields.count(4),
    claims: fields.rows(5).map((claim) => ({
      requestId: claim.count(0),
      token: claim.count(1),
      resource: claim.text(2),
      mode: readMode(claim, 3),
      leftMs: claim.leftMs(4),
    })),
    outcomes: fields.rows(6).map((outcome) => ({
      requestId: outcome.count(0),
      answerKind: outcome.count(1),
      value: outcome.countOrZero(2),
    })),
  };
}

function readKept(fields: Fields): ServerMessage {
  const pairs = fields.counts(5);
  if (pairs.length % 2 !== 0) throw new ProtocolError("malformed: KEPT tells a path without its mark");
  const marks: { readonly path: number; readonly mark: number }[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) marks.push({ path: pairs[at] ?? 0, mark: pairs[at + 1] ?? 0 });
  return {
    kind: "kept",
    id: fields.count(1),
    count: fields.count(2),
    shard: fields.count(3),
    lsn: fields.count(4),
    marks,
  };
}
