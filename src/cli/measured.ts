/**
 * What one node of Holdfast was measured to cost, for `holdfast plan`. Each figure names the row of native-bench/results
 * that it is from, and a test looks that both still agree; what no bench has measured says so.
 */

/** One figure, and where it comes from. */
export interface Cost {
  readonly value: number;
  readonly unit: string;
  readonly source: string;
}

/** Processor time of an operation that comes alone in its frame: 64 connections × 1, all threads of the server. */
export const operationAloneUs: Cost = {
  value: 36.6,
  unit: "µs of a core an operation, one a frame",
  source: "bench.json, holdfast 64×1: serverCpu ÷ opsPerSecond.median",
};

/** The same where callers share connections and so frames: 64 connections × 16. */
export const operationBatchedUs: Cost = {
  value: 4.93,
  unit: "µs of a core an operation, sixteen a connection",
  source: "bench.json, holdfast 64×16: serverCpu ÷ opsPerSecond.median",
};

/** Memory of a live lock, the process's own included. */
export const lockBytes: Cost = {
  value: 186,
  unit: "bytes a live lock",
  source: "locks.json, resident memory with all of them ÷ live locks",
};

/** Memory of a session. */
export const sessionBytes: Cost = { value: 2_204, unit: "bytes a session", source: "idle.json, memory of a session" };

/** Processor time of keeping a session alive, at the default of its TTL. */
export const sessionCoreShare: Cost = {
  value: 1.35e-6,
  unit: "cores an idle session",
  source: "idle.json, server ÷ 100,000 sessions",
};

/** Bytes of an event as the log keeps it: 40 of a release or 72 of a grant, and a name of 20 in steps of 8. */
export const eventBytes: Cost = {
  value: 80,
  unit: "bytes of the log an operation",
  source: "not measured: the format in src/tables/events.ts",
};

/** Bytes of a request and its answer on the wire, TCP and IP of an unshared frame included. */
export const requestBytes: Cost = {
  value: 280,
  unit: "bytes a request and its answer",
  source: "not measured: the format in src/protocol/PROTOCOL.md, and 2 × 66 bytes of headers",
};
