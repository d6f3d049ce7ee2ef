/** What replicas say, through the bytes of a frame: every kind comes out as it went in, and a damaged entry spoils all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, Said } from "../../src/replication/messages.js";
import { NOWHERE } from "../../src/replication/entry.js";
import { epoch, lsn, shardIndex, shardMs } from "../../src/words/ids.js";
import { decodeFrame, encodeFrame } from "../../src/worker/peer-messages.js";
import { writeEntry } from "../replication/entry-writer.js";

const configuration = {
  shard: shardIndex(3),
  epoch: epoch(9),
  era: 1,
  primary: "a/0",
  inSync: ["a/0", "b/0"],
  replicas: ["a/0", "b/0", "c/0"],
  nonce: "00ff",
};
const entry = writeEntry({ epoch: epoch(9), era: 0, previous: NOWHERE, committed: lsn(0), stamp: 12.25, mark: 1 });
const { position } = entry;
const SAID: readonly Said[] = [
  { kind: "office", stream: 1, configuration },
  { kind: "where", stream: 1, positions: [NOWHERE, position], committed: lsn(4), stamp: shardMs(1.5) },
  { kind: "begin", stream: 2, after: position, stamp: shardMs(1.5) },
  { kind: "entries", stream: 2, entries: [entry], committed: lsn(4), stamp: shardMs(7.125), digestAt: lsn(3) },
  { kind: "refuse", stream: 2, reason: "gap", configuration: null },
  { kind: "refuse", stream: 2, reason: "no-part", configuration },
  { kind: "fetch", stream: 2, after: NOWHERE },
  { kind: "tail", stream: 2, after: NOWHERE, entries: [entry] },
  { kind: "pages", stream: 3, number: 1, position, pages: [new Uint8Array([1]), new Uint8Array([2])], isLast: true },
  { kind: "ask" },
  { kind: "here", isControlPlaneOlder: true },
  { kind: "tell", configuration },
  { kind: "hand-over" },
  { kind: "leave" },
  { kind: "lost-data", committed: lsn(2 ** 41) },
  { kind: "digest", lsn: lsn(8), digest: "8:ff" },
];
const messages: readonly Message[] = SAID.map((said) => ({
  shard: shardIndex(3),
  from: "a/0",
  to: "b/0",
  epoch: epoch(9),
  ...said,
}));
const frame = { link: "x", round: 5, isAcknowledgementWanted: false, acknowledged: 4, messages };

test("each kind of message comes out of a frame as it went in", () => {
  assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
});

test("a frame with one entry whose bytes were changed is refused whole", () => {
  const bytes = Uint8Array.from(entry.bytes);
  bytes[24] = (bytes[24] ?? 0) ^ 1;
  const spoilt = { ...entry, bytes };
  const said = { kind: "tail", stream: 2, after: NOWHERE, entries: [spoilt] } as const;
  const one = { shard: shardIndex(3), from: "a/0", to: "b/0", epoch: epoch(9), ...said };
  assert.equal(decodeFrame(encodeFrame({ ...frame, messages: [...messages, one] })), null);
});
