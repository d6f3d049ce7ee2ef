/**
 * How two nodes know that both have the cluster's key, without either sending it: each signs what both have said, the one
 * who dialled first, so that a stranger gets nothing but a random number out of a peer port.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { PeerGreeting } from "../protocol/peer-frames.js";

/** Whose proof it is: one side's is worth nothing as the other's. */
export type ProofSide = "dialled" | "was-dialled";

/** What a side proves itself about. */
export interface ProofSubject {
  readonly greeting: PeerGreeting;
  /** The random answer of who was dialled. */
  readonly challenge: string;
}

/** HMAC-SHA-256 over all that was said. @returns 32 bytes */
export function proofOf(key: string, side: ProofSide, { greeting, challenge }: ProofSubject): Uint8Array {
  const { link, purpose, cluster, node, worker, to, nonce } = greeting;
  const said = JSON.stringify(["holdfast-peer-1", side, link, purpose, cluster, node, worker, to, nonce, challenge]);
  return createHmac("sha256", key).update(said).digest();
}

/** Compares in a time that tells nothing of where they differ. */
export function isProof(given: Uint8Array, wanted: Uint8Array): boolean {
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
