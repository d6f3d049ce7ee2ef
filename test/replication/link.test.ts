/** rounds between two workers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../src/replication/link.js";

test("R-8: a link says nothing while there is nothing to say", () => {
  const link = new Link("one");
  assert.equal(link.frame(1, [], false), null);
  const frame = link.frame(2, [], true);
  assert.ok(frame?.isAcknowledgementWanted === true, "an empty frame serves for answers without events");
});

test("R-8: a round is acknowledged when all that its turn ordered is on disk, and everything before it with it", () => {
  const sender = new Link("one");
  const receiver = new Link("one");
  for (const round of [3, 4, 7]) {
    const frame = sender.frame(round, [], true);
    assert.ok(frame !== null && receiver.receive(frame, round * 10) !== null);
  }
  assert.equal(receiver.frame(1, [], false), null);
  receiver.stored(69);
  const first = receiver.frame(2, [], false);
  assert.ok(first !== null && !first.isAcknowledgementWanted, "acknowledgements are not acknowledged");
  assert.deepEqual(sender.receive(first, 1), { messages: [], acknowledged: 4 });
  receiver.stored(70);
  const second = receiver.frame(3, [], false);
  assert.ok(second !== null);
  assert.equal(sender.receive(second, 1)?.acknowledged, 7);
});

test("R-8: frames of another connection, or that come twice, say nothing", () => {
  const sender = new Link("one");
  const frame = sender.frame(1, [], true);
  assert.ok(frame !== null);
  assert.equal(new Link("two").receive(frame, 1), null);
  const receiver = new Link("one");
  assert.ok(receiver.receive(frame, 1) !== null);
  assert.equal(receiver.receive(frame, 2), null);
  const lie = { link: "one", round: 9, isAcknowledgementWanted: false, acknowledged: 50, messages: [] };
  assert.equal(sender.receive(lie, 1), null, "nobody can have stored what was never sent");
});
