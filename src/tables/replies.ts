/**
 * What a shard has decided to say and may not say yet: rows that wait until all that they rest on is committed.
 * They leave in the order in which they were decided. A reply that lists (holders, claims, outcomes) is one row and its
 * `DETAIL` rows behind it. Hot path: `make micro`.
 */
import { outOfRange } from "../words/assert.js";
import { ByteBuffer } from "./byte-buffer.js";

/** The kind of a row that belongs to the one before it. */
export const DETAIL = 0;

/** Memory is given back where there is more than so many times what was needed since it was last looked at. */
const SHRINK_BEYOND = 8;

/** One row for each reply; columns a to f mean what PROTOCOL.md says for its kind, in the order told there. */
export class Replies {
  #capacity: number;
  readonly #capacityMin: number;
  /** The most rows that there were since `shrink` looked last. */
  #peak = 0;
  // 24 words a row: nine doubles (LSN, serial, id, a to f), then kind, path, and where its text begins and ends.
  #words: Uint32Array;
  #doubles: Float64Array;
  /** Strings of the rows: copied at the decision, because what they name may be gone when they leave. */
  readonly text: ByteBuffer;
  #first = 0;
  #end = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#capacityMin = capacity;
    this.#words = new Uint32Array(capacity * 24);
    this.#doubles = new Float64Array(this.#words.buffer);
    this.text = new ByteBuffer(256, 2 ** 30);
  }

  /** The first row that has not left. */
  get first(): number {
    return this.#first;
  }
  /** One past the last row. */
  get end(): number {
    return this.#end;
  }
  /** Rows that there is memory for. */
  get capacity(): number {
    return this.#capacity;
  }
  get isEmpty(): boolean {
    return this.#first === this.#end;
  }

  /** Adds a row with its four keys; a to f are 0, and it has no text. Returns it. */
  add(kind: number, path: number, serial: number, id: number): number {
    if (this.#end === this.#capacity) this.#grow();
    const row = this.#end++;
    const doubles = row * 12;
    this.#doubles[doubles + 1] = serial;
    this.#doubles[doubles + 2] = id;
    this.#doubles[doubles + 3] = 0;
    this.#doubles[doubles + 4] = 0;
    this.#doubles[doubles + 5] = 0;
    this.#doubles[doubles + 6] = 0;
    this.#doubles[doubles + 7] = 0;
    this.#doubles[doubles + 8] = 0;
    const words = row * 24;
    this.#words[words + 18] = kind;
    this.#words[words + 19] = path;
    this.#words[words + 20] = 0;
    this.#words[words + 21] = 0;
    return row;
  }
  /** Stamps the rows from `from` on with the LSN that they wait for. */
  stamp(from: number, lsn: number): void {
    for (let row = from; row < this.#end; row++) this.setLsn(row, lsn);
  }
  /** Copies text for a row; several calls for one row add up. */
  addText(row: number, bytes: Uint8Array, start: number, end: number): void {
    const at = this.text.reserve(end - start);
    if (this.textEnd(row) === 0) this.setTextAt(row, at);
    const { bytes: target } = this.text;
    for (let from = start, to = at; from < end; from++, to++) target[to] = bytes[from] ?? outOfRange(from);
    this.setTextEnd(row, at + (end - start));
  }
  /** The row behind a reply and its details. */
  behind(row: number): number {
    let next = row + 1;
    while (next < this.#end && this.kind(next) === DETAIL) next++;
    return next;
  }
  /** The LSN that it waits for: the shard's when it was decided. */
  lsn(row: number): number {
    return this.#doubles[row * 12] ?? outOfRange(row);
  }
  setLsn(row: number, value: number): void {
    this.#doubles[row * 12] = value;
  }
  /** Serial of the path that it goes to (tables/paths.ts); `path` is its row. */
  serial(row: number): number {
    return this.#doubles[row * 12 + 1] ?? outOfRange(row);
  }
  setSerial(row: number, value: number): void {
    this.#doubles[row * 12 + 1] = value;
  }
  id(row: number): number {
    return this.#doubles[row * 12 + 2] ?? outOfRange(row);
  }
  setId(row: number, value: number): void {
    this.#doubles[row * 12 + 2] = value;
  }
  a(row: number): number {
    return this.#doubles[row * 12 + 3] ?? outOfRange(row);
  }
  setA(row: number, value: number): void {
    this.#doubles[row * 12 + 3] = value;
  }
  b(row: number): number {
    return this.#doubles[row * 12 + 4] ?? outOfRange(row);
  }
  setB(row: number, value: number): void {
    this.#doubles[row * 12 + 4] = value;
  }
  c(row: number): number {
    return this.#doubles[row * 12 + 5] ?? outOfRange(row);
  }
  setC(row: number, value: number): void {
    this.#doubles[row * 12 + 5] = value;
  }
  d(row: number): number {
    return this.#doubles[row * 12 + 6] ?? outOfRange(row);
  }
  setD(row: number, value: number): void {
    this.#doubles[row * 12 + 6] = value;
  }
  e(row: number): number {
    return this.#doubles[row * 12 + 7] ?? outOfRange(row);
  }
  setE(row: number, value: number): void {
    this.#doubles[row * 12 + 7] = value;
  }
  f(row: number): number {
    return this.#doubles[row * 12 + 8] ?? outOfRange(row);
  }
  setF(row: number, value: number): void {
    this.#doubles[row * 12 + 8] = value;
  }
  kind(row: number): number {
    return this.#words[row * 24 + 18] ?? outOfRange(row);
  }
  setKind(row: number, value: number): void {
    this.#words[row * 24 + 18] = value;
  }
  path(row: number): number {
    return this.#words[row * 24 + 19] ?? outOfRange(row);
  }
  setPath(row: number, value: number): void {
    this.#words[row * 24 + 19] = value;
  }
  textAt(row: number): number {
    return this.#words[row * 24 + 20] ?? outOfRange(row);
  }
  setTextAt(row: number, value: number): void {
    this.#words[row * 24 + 20] = value;
  }
  textEnd(row: number): number {
    return this.#words[row * 24 + 21] ?? outOfRange(row);
  }
  setTextEnd(row: number, value: number): void {
    this.#words[row * 24 + 21] = value;
  }
  /** Rows before `row` have left. This alone may renumber the others: who fills a reply keeps its row while it adds more. */
  leave(row: number): void {
    this.#first = row;
    if (this.#end > this.#peak) this.#peak = this.#end;
    const waiting = this.#end - row;
    if (waiting === 0) {
      this.#first = 0;
      this.#end = 0;
      this.text.reset();
    } else if (row >= waiting) this.#compact(waiting);
  }

  /** Moves what waits to the front, its text too. At least as many have left, so it costs each of them a row's move. */
  #compact(waiting: number): void {
    const from = this.#first;
    const to = this.#end;
    this.#words.copyWithin(0, from * 24, to * 24);
    this.#first = 0;
    this.#end = waiting;
    const { text } = this;
    let textFrom = text.length;
    for (let row = 0; row < waiting; row++)
      if (this.textEnd(row) !== 0) textFrom = Math.min(textFrom, this.textAt(row));
    if (textFrom === 0) return;
    text.bytes.copyWithin(0, textFrom, text.length);
    text.length -= textFrom;
    for (let row = 0; row < waiting; row++) {
      if (this.textEnd(row) === 0) continue;
      this.setTextAt(row, this.textAt(row) - textFrom);
      this.setTextEnd(row, this.textEnd(row) - textFrom);
    }
  }

  /** Gives back what a burst left behind: call it every few seconds. Nothing happens while rows wait. */
  shrink(): void {
    const wanted = Math.max(this.#capacityMin, this.#peak * 2);
    this.#peak = this.#end;
    if (!this.isEmpty) return;
    this.text.shrink();
    if (this.#capacity > wanted * (SHRINK_BEYOND / 2)) this.#replace(new Uint32Array(wanted * 24));
  }

  /** Doubles the memory; every row stays where it is, because somebody may be filling one. */
  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#replace(words);
  }

  #replace(words: Uint32Array): void {
    this.#words = words;
    this.#doubles = new Float64Array(words.buffer);
    this.#capacity = words.length / 24;
  }
}
