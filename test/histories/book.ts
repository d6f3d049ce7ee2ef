/**
 * A history in memory, in columns: an unknown effect may come at any later time, so nothing can be judged for good before
 * the end. Some 80 bytes a line, found again by resource.
 *
 *     lastOf[resource] ─▶ row ─previous▶ row ─previous▶ … ─▶ -1
 */
import {
  HISTORY_OPERATIONS,
  HISTORY_OUTCOMES,
  HISTORY_WATCH_KINDS,
  type HistoryHeader,
  type HistoryHolder,
  type HistoryLine,
  type HistoryOp,
} from "../../src/words/history.js";
import { type Mode } from "../../src/words/mode.js";
import { Names } from "./names.js";
import { BadLine } from "./parse-line.js";

/** Kinds of rows: the operations in the order of HISTORY_OPERATIONS, and two more. */
export const ROW_BELIEVE: number = HISTORY_OPERATIONS.length;
export const ROW_WATCH: number = ROW_BELIEVE + 1;

/** Columns, by number, of the Float64Array of a row. */
const CALL = 0;
const RETURN = 1;
const TOKEN = 2;
const ID = 3;
/** Permits of an acquire; the wait's id of a cancel; how many claims of revoke and force-release. */
const NUMBER = 4;
const NUMBERS = 5;

const KIND = 0;
const OUTCOME = 1;
const MODE = 2;
/** Bit 0: it could wait. Bit 1: it has a lock-delay. */
const FLAGS = 3;
const BYTES = 4;

const LINE = 0;
const PREVIOUS = 1;
const SESSION = 2;
const WORDS = 3;

export const FLAG_WAITS = 1;
export const FLAG_DELAYS = 2;

const MODES: readonly Mode[] = ["exclusive", "shared", "permit"];

/** The fields of one row on its way in. Times in nanoseconds. */
export class RowFields {
  kind = 0;
  process = 0;
  session = 0;
  resource = 0;
  id = 0;
  call = 0;
  /** Infinity: there was no answer. */
  returned = 0;
  token = 0;
  mode = 0;
  outcome = 0;
  flags = 0;
  number = 0;
}

/** What a check or a busy told besides. */
export interface Details {
  readonly holders: readonly HistoryHolder[];
  readonly waiters: number;
  /** Undefined: it was not told. */
  readonly holder: string | null | undefined;
}

/** A whole history. */
export class HistoryBook {
  readonly resources: Names = new Names();
  readonly sessions: Names = new Names();
  readonly fields: RowFields = new RowFields();
  header: HistoryHeader | undefined;
  /** Lines that are operations. */
  operations = 0;
  /** A process that did two things at once, or something after it had got no answer. */
  readonly overlaps: { readonly line: number; readonly process: number; readonly resource: number }[] = [];
  /** Lines at which a watch left something out, by its process. */
  readonly resyncs: Map<number, number[]> = new Map();
  readonly #details: Map<number, Details> = new Map();
  readonly #lastOf: number[] = [];
  /** By process: when its last operation ended. */
  readonly #busyUntil: number[] = [];
  #size = 0;
  #numbers: Float64Array = new Float64Array(NUMBERS * 1024);
  #bytes: Uint8Array = new Uint8Array(BYTES * 1024);
  #words: Int32Array = new Int32Array(WORDS * 1024);

  constructor() {
    this.sessions.of(""); // Number 0: no session.
  }

  /** Takes in one line. @throws BadLine if it stands where it can't */
  add(line: HistoryLine, number: number): void {
    if ((line.t === "history") !== (this.header === undefined)) {
      throw new BadLine(number, "a history begins with its one line of type history");
    }
    const { fields } = this;
    if (line.t === "history") this.header = line;
    else if (line.t === "op") this.#addOp(line, number);
    else if (line.t === "believe") {
      fields.kind = ROW_BELIEVE;
      fields.process = line.process;
      fields.resource = this.resources.of(line.resource);
      fields.call = line.from;
      fields.returned = line.to;
      fields.token = line.token;
      fields.mode = MODES.indexOf(line.mode);
      this.push(number);
    } else if (line.t === "watch") {
      if (line.token === null) {
        this.resyncs.set(line.process, [...(this.resyncs.get(line.process) ?? []), number]);
        return;
      }
      fields.kind = ROW_WATCH;
      fields.process = line.process;
      fields.resource = this.resources.of(line.resource);
      fields.call = line.at;
      fields.returned = line.at;
      fields.token = line.token;
      fields.outcome = HISTORY_WATCH_KINDS.indexOf(line.kind);
      fields.number = line.process;
      this.push(number);
    }
  }

  #addOp(line: HistoryOp, number: number): void {
    const { fields } = this;
    const { args, result } = line;
    fields.kind = HISTORY_OPERATIONS.indexOf(line.op);
    fields.process = line.process;
    fields.session = this.sessions.of(line.session);
    fields.resource = line.resource === null ? -1 : this.resources.of(line.resource);
    fields.id = line.id;
    fields.call = line.call;
    fields.returned = line.return ?? Number.POSITIVE_INFINITY;
    fields.token = line.token ?? 0;
    fields.mode = MODES.indexOf(args.mode ?? "exclusive");
    fields.outcome = HISTORY_OUTCOMES.indexOf(line.outcome);
    fields.flags = ((args.wait_ms ?? 0) > 0 ? FLAG_WAITS : 0) | ((args.lock_delay_ms ?? 0) > 0 ? FLAG_DELAYS : 0);
    fields.number = args.permits ?? args.id ?? result.count ?? 0;
    if (line.outcome === "busy" || line.op === "check") {
      this.#details.set(this.#size, {
        holders: result.holders ?? [],
        waiters: result.waiters ?? result.queue ?? 0,
        holder: result.holder,
      });
    }
    this.pushOp(number);
  }

  /** Keeps `fields` as an operation. */
  pushOp(line: number): void {
    const { process, call, returned } = this.fields;
    if (call < (this.#busyUntil[process] ?? 0)) {
      this.overlaps.push({ line, process, resource: this.fields.resource });
    }
    this.#busyUntil[process] = returned;
    this.operations += 1;
    if (this.fields.resource >= 0) this.push(line);
  }

  /** Keeps `fields`. */
  push(line: number): void {
    const { fields } = this;
    const row = this.#size;
    if ((row + 1) * NUMBERS > this.#numbers.length) this.reserve((row + 1) * 2);
    this.#size = row + 1;
    const n = row * NUMBERS;
    const numbers = this.#numbers;
    numbers[n + CALL] = fields.call;
    numbers[n + RETURN] = fields.returned;
    numbers[n + TOKEN] = fields.token;
    numbers[n + ID] = fields.id;
    numbers[n + NUMBER] = fields.number;
    const b = row * BYTES;
    const bytes = this.#bytes;
    bytes[b + KIND] = fields.kind;
    bytes[b + OUTCOME] = fields.outcome;
    bytes[b + MODE] = fields.mode;
    bytes[b + FLAGS] = fields.flags;
    const w = row * WORDS;
    const words = this.#words;
    words[w + LINE] = line;
    words[w + PREVIOUS] = this.#lastOf[fields.resource] ?? -1;
    words[w + SESSION] = fields.session;
    this.#lastOf[fields.resource] = row;
  }

  /** The last row about a resource, or -1. */
  lastOf(resource: number): number {
    return this.#lastOf[resource] ?? -1;
  }

  /** The row before about the same resource, or -1. */
  previous(row: number): number {
    return this.#words[row * WORDS + PREVIOUS] ?? -1;
  }

  line(row: number): number {
    return this.#words[row * WORDS + LINE] ?? 0;
  }

  session(row: number): number {
    return this.#words[row * WORDS + SESSION] ?? 0;
  }

  call(row: number): number {
    return this.#numbers[row * NUMBERS + CALL] ?? 0;
  }

  returned(row: number): number {
    return this.#numbers[row * NUMBERS + RETURN] ?? 0;
  }

  token(row: number): number {
    return this.#numbers[row * NUMBERS + TOKEN] ?? 0;
  }

  id(row: number): number {
    return this.#numbers[row * NUMBERS + ID] ?? 0;
  }

  number(row: number): number {
    return this.#numbers[row * NUMBERS + NUMBER] ?? 0;
  }

  kind(row: number): number {
    return this.#bytes[row * BYTES + KIND] ?? 0;
  }

  outcome(row: number): number {
    return this.#bytes[row * BYTES + OUTCOME] ?? 0;
  }

  mode(row: number): number {
    return this.#bytes[row * BYTES + MODE] ?? 0;
  }

  flags(row: number): number {
    return this.#bytes[row * BYTES + FLAGS] ?? 0;
  }

  details(row: number): Details {
    return this.#details.get(row) ?? { holders: [], waiters: 0, holder: undefined };
  }

  /** Makes room for so many rows. Memory is used as rows are touched. */
  reserve(rows: number): void {
    if (rows * NUMBERS <= this.#numbers.length) return;
    const numbers = new Float64Array(rows * NUMBERS);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const bytes = new Uint8Array(rows * BYTES);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    const words = new Int32Array(rows * WORDS);
    words.set(this.#words);
    this.#words = words;
  }
}
