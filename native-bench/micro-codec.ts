/** What it costs to bring a request from bytes to a row, and an answer from a row to bytes, beside msgpackr. */
import { Packr } from "msgpackr";
import { shardIndex } from "../src/words/ids.js";
import { KIND_ACQUIRE, KIND_GRANTED } from "../src/words/kinds.js";
import { LIMITS_DEFAULT } from "../src/words/limits.js";
import { RequestDecoder } from "../src/protocol/decode-requests.js";
import { encodeReply } from "../src/protocol/encode-replies.js";
import { FrameWriter } from "../src/protocol/writer.js";
import { Inbox } from "../src/tables/inbox.js";
import { KeyedHash } from "../src/tables/keyed-hash.js";
import { Paths } from "../src/tables/paths.js";
import { Replies } from "../src/tables/replies.js";

const MESSAGES = 128;
const ROUNDS = 4_000;

function nanosecondsEach(act: () => void): number {
  for (let round = 0; round < ROUNDS / 4; round++) act();
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) act();
  return ((performance.now() - began) * 1e6) / ROUNDS / MESSAGES;
}

/** Names and nanoseconds for each message, in frames of 128. */
export function codecBench(): readonly (readonly [string, number])[] {
  const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
  const requests = Array.from({ length: MESSAGES }, (_, i) => [
    KIND_ACQUIRE,
    i + 1,
    `order:${String(i).padStart(14, "0")}`,
    30_000,
  ]);
  const frame = packr.pack(requests);
  const answers = Array.from({ length: MESSAGES }, (_, i) => [KIND_GRANTED, i + 1, 1_000_000 + i, 30_000, 0]);

  const hash = new KeyedHash(1, 2);
  const inbox = new Inbox({ capacity: 1_024, shards: 1, frameBytesInitial: 65_536, frameBytesMax: 2 ** 24 });
  const paths = new Paths({ capacity: 4, connections: 4, shards: 1, start: 1, hash });
  const principal = new TextEncoder().encode("local");
  const bare = paths.open({ key: null, ttlMs: 0, publicId: [0, 0], principal, address: principal, connection: 1 });
  const ignore = (): void => undefined;
  const decoder = new RequestDecoder({
    inbox,
    paths,
    limits: LIMITS_DEFAULT,
    where: { worker: 0, workerOfShard: new Uint16Array(1), shardOf: () => shardIndex(0), workerOfPath: () => -1 },
    sink: { rare: ignore, fault: ignore, pathVoid: ignore, moved: ignore, forward: ignore, reject: ignore },
  });
  const replies = new Replies(256);
  const writer = new FrameWriter(65_536, 2 ** 24);
  return [
    [
      "decode into rows",
      nanosecondsEach(() => {
        inbox.reset();
        const at = inbox.frames.reserve(frame.length);
        inbox.frames.bytes.set(frame, at);
        decoder.decode(bare, { start: at, end: at + frame.length }, undefined);
      }),
    ],
    ["decode by msgpackr", nanosecondsEach(() => void packr.unpack(frame))],
    [
      "reply rows into bytes",
      nanosecondsEach(() => {
        writer.begin();
        for (let i = 0; i < MESSAGES; i++) {
          const row = replies.add(KIND_GRANTED, bare, 1, i + 1);
          replies.setA(row, 1_000_000 + i);
          replies.setB(row, 30_000);
          encodeReply(replies, row, writer, { shard: 0, shards: 1 });
        }
        replies.leave(replies.end);
        writer.finish();
      }),
    ],
    ["encode by msgpackr", nanosecondsEach(() => void packr.pack(answers))],
  ];
}
