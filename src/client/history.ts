/**
 * Records what clients asked, were told and believed, as lines of a history that a checker reads: the library's own word,
 * kept for judging both it and the server. One History serves all clients of a program, for they share its clock and its
 * process numbers. It opens no file: lines go to a function.
 */
import type { HistoryBelief, HistoryHeader, HistoryLine, HistoryOp, HistoryWatch } from "../words/history.js";
import { HISTORY_VERSION } from "../words/history.js";

const NANOS_OF_MS = 1_000_000;
/** Twice this is BELIEF_SLACK, in millionths (system.md R-1). */
const DRIFT_PPM = 500;

/** What a history says of itself. */
export interface HistoryOptions {
  /** The commit of what is tested. Default "". */
  readonly commit?: string;
  /** What the run's choices came from. Default "". */
  readonly seed?: string;
  /** How far the clocks of several recorders whose lines are put together may disagree. Default 0 ns. */
  readonly clockErrorNs?: number;
  /** The number of the first process, where lines of several recorders are put together. Default 0. */
  readonly firstProcess?: number;
  /** A clock that never falls, in milliseconds. Default: the monotonic one. */
  readonly readMs?: () => number;
}

/** Takes one line, without its line feed. */
export type HistorySink = (line: string) => void;

/** A history under way: give it to `Holdfast.connect` as `recordHistory`. */
export class History {
  readonly #sink: HistorySink;
  readonly #readMs: () => number;
  readonly #startMs: number;
  /** Process numbers that have no operation open. */
  readonly #idle: number[] = [];
  #nextProcess: number;

  /** Writes the first line. */
  constructor(sink: HistorySink, options: HistoryOptions = {}) {
    this.#sink = sink;
    this.#readMs = options.readMs ?? ((): number => performance.now());
    this.#startMs = this.#readMs();
    this.#nextProcess = options.firstProcess ?? 0;
    const header: HistoryHeader = {
      t: "history",
      version: HISTORY_VERSION,
      commit: options.commit ?? "",
      seed: options.seed ?? "",
      drift_ppm: DRIFT_PPM,
      clock_error_ns: options.clockErrorNs ?? 0,
    };
    this.write(header);
  }

  /** Nanoseconds since the history's start. */
  now(): number {
    return Math.round((this.#readMs() - this.#startMs) * NANOS_OF_MS);
  }

  /** A process number that has nothing open. */
  takeProcess(): number {
    return this.#idle.pop() ?? this.#nextProcess++;
  }

  /** Its operation was answered: it may have another. One without an answer never comes back. */
  giveBackProcess(process: number): void {
    this.#idle.push(process);
  }

  /** Tells the checker of something that was done to the servers. Times in nanoseconds of `now`. */
  fault(kind: string, target: string, from: number, to: number): void {
    this.write({ t: "fault", kind, target, from, to });
  }

  /** Writes a line. Keys stand in the order of the format: the checker's quick way reads no other. */
  write(line: HistoryLine): void {
    this.#sink(textOf(line));
  }
}

function textOf(line: HistoryLine): string {
  if (line.t === "op") return textOfOp(line);
  if (line.t === "believe") return textOfBelief(line);
  if (line.t === "watch") return textOfWatch(line);
  return JSON.stringify(line);
}

function textOfOp(op: HistoryOp): string {
  const who = `"process":${op.process},"session":${JSON.stringify(op.session)},"id":${op.id},"op":"${op.op}"`;
  const when = `"resource":${JSON.stringify(op.resource)},"call":${op.call},"return":${op.return}`;
  const told = `"outcome":"${op.outcome}","token":${op.token},"result":${JSON.stringify(op.result)}`;
  return `{"t":"op",${who},${when},"args":${JSON.stringify(op.args)},${told}}`;
}

function textOfBelief(belief: HistoryBelief): string {
  const { process, resource, mode, token, from, to } = belief;
  const what = `"process":${process},"resource":${JSON.stringify(resource)},"mode":"${mode}","token":${token}`;
  return `{"t":"believe",${what},"from":${from},"to":${to}}`;
}

function textOfWatch(watch: HistoryWatch): string {
  const { process, resource, kind, token, at } = watch;
  return `{"t":"watch","process":${process},"resource":${JSON.stringify(resource)},"kind":"${kind}","token":${token},"at":${at}}`;
}
