// Server-sent events are read the same however the network has cut them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readEvents, type ServerSentEvent } from "../../src/cli/server-sent-events.js";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

async function read(text: string, size: number): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for await (const event of readEvents(cut(new TextEncoder().encode(text), size))) events.push(event);
  return events;
}

const TEXT =
  ': hello\n\nevent: granted\nid: 7:a\ndata: {"resource":\ndata: "größe:1"}\n\ndata:x\r\n\r\nretry: 5\n\nid: 8\n\ndata: unfinished';
const EVENTS: readonly ServerSentEvent[] = [
  { event: "granted", id: "7:a", data: '{"resource":\n"größe:1"}' },
  { event: "message", id: "7:a", data: "x" },
  { event: "message", id: "8", data: "" },
];

test("fields, comments, several lines of data and an unfinished event are read as the standard says", async () => {
  assert.deepEqual(await read(TEXT, 1_000), EVENTS);
});

test("any cut gives the same events", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (size) => {
      assert.deepEqual(await read(TEXT, size), EVENTS);
    }),
  );
});
