/** Replies that wait for their commit: they leave from the front, and what stays is moved up with its text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DETAIL, Replies } from "../../src/tables/replies.js";
import { Random, seedOfRun } from "./random.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function add(replies: Replies, id: number, text: string): void {
  const row = replies.add(1, 0, 0, id);
  const bytes = encoder.encode(text);
  if (bytes.length > 0) replies.addText(row, bytes, 0, bytes.length);
}
function told(replies: Replies): (readonly [number, string])[] {
  const all: (readonly [number, string])[] = [];
  for (let row = replies.first; row < replies.end; row++) {
    all.push([replies.id(row), decoder.decode(replies.text.bytes.subarray(replies.textAt(row), replies.textEnd(row)))]);
  }
  return all;
}

test("when rows without text leave, the text of those that stay stays where it is", () => {
  const replies = new Replies(4);
  add(replies, 1, "");
  add(replies, 2, "");
  add(replies, 3, "first");
  add(replies, 4, "");
  replies.leave(2);
  assert.deepEqual(told(replies), [
    [3, "first"],
    [4, ""],
  ]);
  assert.deepEqual([replies.first, replies.text.length], [0, 5]);
});

test("text that is added in pieces is one text, and a reply ends where its details do", () => {
  const replies = new Replies(4);
  add(replies, 1, "one");
  replies.addText(0, encoder.encode("-piece-"), 1, 6);
  for (let i = 0; i < 5; i++) replies.add(DETAIL, 0, 0, 10 + i);
  add(replies, 2, "two");
  assert.deepEqual([replies.behind(0), replies.behind(6)], [6, 7]);
  assert.deepEqual(told(replies)[0], [1, "onepiece"]);
  replies.leave(6);
  replies.leave(replies.end);
  assert.ok(replies.isEmpty && replies.text.length === 0);
});

test("replies that come and leave at random are those of a plain list, and what has left keeps no memory", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const replies = new Replies(2);
  let model: (readonly [number, string])[] = [];
  for (let id = 1; id < 20_000; ) {
    for (let count = random.below(9); count > 0; count--, id++) {
      const text = random.below(3) === 0 ? "" : `text of ${id}`;
      add(replies, id, text);
      model.push([id, text]);
    }
    const leaving = Math.min(model.length, random.below(9));
    replies.leave(replies.first + leaving);
    model = model.slice(leaving);
    assert.deepEqual(told(replies), model);
    assert.ok(replies.end <= 2 * model.length, "rows that have left are fewer than those that stay");
  }
});

test("after a burst the memory of its replies goes back, and not a reply that waits with it", () => {
  const replies = new Replies(4);
  for (let id = 1; id <= 10_000; id++) add(replies, id, `text of ${id}`);
  assert.ok(replies.capacity >= 10_000);
  replies.shrink();
  replies.leave(9_999);
  replies.shrink();
  assert.deepEqual(told(replies), [[10_000, "text of 10000"]]);
  replies.leave(replies.end);
  replies.shrink();
  replies.shrink();
  assert.deepEqual([replies.capacity, replies.text.bytes.length], [4, 256]);
  add(replies, 1, "first");
  for (let id = 2; id <= 9; id++) add(replies, id, "");
  assert.deepEqual(told(replies)[0], [1, "first"]);
});
