/**
 * Frames between two workers of a cluster, as bytes. One msgpack array for each frame; what it carries of the log are the
 * entries' own bytes, untouched (tables/events.ts). The version stands first, in the greeting and in each frame.
 *
 *     greeting  = [ version, "hello", link, purpose, cluster, node, worker, to, nonce ]     who dialled
 *     challenge = [ version, "challenge", nonce ]                                           who was dialled
 *     proof     = [ version, "proof", bytes ]               who dialled, then who was dialled: both know the cluster's key
 *     frame    = [ version, link, round, wanted 0|1, acknowledged, [ message, … ] ]
 *     message  = [ kind, shard, from, to, epoch, fields of its kind … ]
 */
import { Packr } from "msgpackr";
import { isArray } from "./fields.js";

/** The version of what stands here; a frame of another one is not taken. */
const PEER_VERSION = 1;

/** A field of a peer's message, as it travels. */
export type PeerField = null | boolean | number | string | Uint8Array | readonly PeerField[];

/** A frame whose messages are still fields: what they mean is the business of replication's reader. */
export interface PeerFrame {
  readonly link: string;
  readonly round: number;
  readonly isAcknowledgementWanted: boolean;
  readonly acknowledged: number;
  readonly messages: readonly (readonly unknown[])[];
}

/** What a connection is for: frames of replicas, or requests of clients that go on to another node. */
export type PeerPurpose = "replicas" | "requests";

/** Who dials, and whom. */
export interface PeerGreeting {
  readonly link: string;
  readonly purpose: PeerPurpose;
  readonly cluster: string;
  readonly node: string;
  /** Its worker, counted within its node. */
  readonly worker: number;
  /** The node that it means to reach. */
  readonly to: string;
  /** Random; both sides' proofs are about it. */
  readonly nonce: string;
}

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
const GREETING = "hello";
const CHALLENGE = "challenge";
const PROOF = "proof";
const LINK_LENGTH_MAX = 64;
const PROOF_LENGTH = 32;

/** The bytes of a greeting. */
export function encodeGreeting(greeting: PeerGreeting): Uint8Array {
  const { link, purpose, cluster, node, worker, to, nonce } = greeting;
  return packr.pack([PEER_VERSION, GREETING, link, purpose, cluster, node, worker, to, nonce]);
}

/** @returns null for what is no greeting of this version */
export function decodeGreeting(bytes: Uint8Array): PeerGreeting | null {
  const fields = unpack(bytes);
  if (fields === null || fields[0] !== PEER_VERSION || fields[1] !== GREETING) return null;
  const [, , link, purpose, cluster, node, worker, to, nonce] = fields;
  if (!isName(link) || !isName(node) || !isCount(worker) || !isName(to)) return null;
  if (typeof cluster !== "string" || typeof nonce !== "string") return null;
  if (purpose !== "replicas" && purpose !== "requests") return null;
  return { link, purpose, cluster, node, worker, to, nonce };
}

/** The version that a peer's first message speaks; null for what has none. */
export function versionOfPeer(bytes: Uint8Array): number | null {
  const version = unpack(bytes)?.[0];
  return typeof version === "number" ? version : null;
}

/** The bytes of a challenge. */
export function encodeChallenge(nonce: string): Uint8Array {
  return packr.pack([PEER_VERSION, CHALLENGE, nonce]);
}

/** @returns the nonce; null for what is no challenge */
export function decodeChallenge(bytes: Uint8Array): string | null {
  const fields = unpack(bytes);
  if (fields === null || fields[0] !== PEER_VERSION || fields[1] !== CHALLENGE) return null;
  const nonce = fields[2];
  return isName(nonce) ? nonce : null;
}

/** The bytes of a proof. */
export function encodeProof(proof: Uint8Array): Uint8Array {
  return packr.pack([PEER_VERSION, PROOF, proof]);
}

/** @returns 32 bytes; null for what is no proof */
export function decodeProof(bytes: Uint8Array): Uint8Array | null {
  const fields = unpack(bytes);
  if (fields === null || fields[0] !== PEER_VERSION || fields[1] !== PROOF) return null;
  const proof = fields[2];
  return proof instanceof Uint8Array && proof.length === PROOF_LENGTH ? proof : null;
}

/** The bytes of a frame. */
export function encodePeerFrame(
  frame: Omit<PeerFrame, "messages"> & { readonly messages: readonly (readonly PeerField[])[] },
): Uint8Array {
  const { link, round, isAcknowledgementWanted, acknowledged, messages } = frame;
  return packr.pack([PEER_VERSION, link, round, isAcknowledgementWanted ? 1 : 0, acknowledged, messages]);
}

/** @returns null for bytes that are no frame of this version */
export function decodePeerFrame(bytes: Uint8Array): PeerFrame | null {
  const fields = unpack(bytes);
  if (fields === null || fields[0] !== PEER_VERSION) return null;
  const [, link, round, wanted, acknowledged, messages] = fields;
  if (!isName(link) || !isCount(round) || !isCount(acknowledged) || !isArray(messages)) return null;
  if (wanted !== 0 && wanted !== 1) return null;
  const read: (readonly unknown[])[] = [];
  for (const message of messages) {
    if (!isArray(message)) return null;
    read.push(message);
  }
  return { link, round, isAcknowledgementWanted: wanted === 1, acknowledged, messages: read };
}

/** Whether a field is a whole number from 0 to 2^53 - 1. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= LINK_LENGTH_MAX;
}

function unpack(bytes: Uint8Array): readonly unknown[] | null {
  try {
    const value: unknown = packr.unpack(bytes);
    return isArray(value) ? value : null;
  } catch {
    return null; // Whatever msgpackr dislikes is no frame.
  }
}
