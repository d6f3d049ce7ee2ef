/** What a history says of belief is never more than the library could have said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../src/client/history.js";
import { HistoryRecorder } from "../../src/client/history-recorder.js";

const CLAIM = { claim: 1, resource: "order:7", token: 9, mode: "exclusive" } as const;

class Recording {
  ms = 0;
  readonly spans: string[] = [];
  readonly recorder: HistoryRecorder;

  constructor() {
    const take = (line: string): void => {
      const [span] = /"from":\d+,"to":\d+/.exec(line) ?? [];
      if (span !== undefined) this.spans.push(span);
    };
    this.recorder = new HistoryRecorder(new History(take, { readMs: () => this.ms }), "0102030405060708");
  }
}

test("a program that is stopped between the reading of its clock and its belief is not said to have believed", () => {
  const recording = new Recording();
  const { recorder } = recording;
  recorder.received([]); // Behind this the client reads its clock.
  recording.ms = 1_000;
  recorder.believed(CLAIM, 500);
  recorder.clientEnded();
  assert.deepEqual(recording.spans, []);
});

test("one that is stopped as it looks how far it may believe is said to have believed until what it knew", () => {
  const recording = new Recording();
  const { recorder } = recording;
  recorder.received([]);
  recording.ms = 100;
  recorder.believed(CLAIM, 500);
  recording.ms = 200;
  recorder.looking();
  recording.ms = 900;
  recorder.looked(() => 300);
  recorder.clientEnded();
  assert.deepEqual(recording.spans, ['"from":100000000,"to":500000000']);
});
