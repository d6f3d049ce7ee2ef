/**
 * The quick way for the lines that make up most of a history, in just the form in which the library writes them: from
 * bytes to a row, without a string or an object. It takes a line only if all of it is as expected; any other goes the
 * strict way (parse-line.ts), which also says what is wrong.
 *
 *     {"t":"op","process":3,"session":"9f…","id":41,"op":"acquire","resource":"order:7","call":10,"return":20,
 *      "args":{"mode":"exclusive","ttl_ms":0,"wait_ms":0},"outcome":"granted","token":7,"result":{}}
 */
import { HISTORY_OPERATIONS, HISTORY_OUTCOMES } from "../../src/words/history.js";
import { FLAG_DELAYS, FLAG_WAITS, type HistoryBook, ROW_BELIEVE } from "./book.js";
import type { Names } from "./names.js";

const ZERO = 0x30;
const NINE = 0x39;
/** Digits that surely stay below 2^53. */
const DIGITS_MAX = 15;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const OP = bytesOf('{"t":"op","process":');
const BELIEVE = bytesOf('{"t":"believe","process":');
const SESSION = bytesOf(',"session":"');
const ID = bytesOf('","id":');
const ASKED = bytesOf(',"op":"');
const RESOURCE = bytesOf(',"resource":"');
const CALL = bytesOf('","call":');
const RETURN = bytesOf(',"return":');
const ARGS = bytesOf(',"args":{');
const MODE = bytesOf('"mode":"');
const TTL = bytesOf('"ttl_ms":');
const NEXT_TTL = bytesOf(',"ttl_ms":');
const WAIT = bytesOf(',"wait_ms":');
const PERMITS = bytesOf(',"permits":');
const DELAY = bytesOf(',"lock_delay_ms":');
const OUTCOME = bytesOf('},"outcome":"');
const TOKEN = bytesOf(',"token":');
const END = bytesOf(',"result":{}}');
const NEXT_MODE = bytesOf('","mode":"');
const FROM = bytesOf(',"from":');
const TO = bytesOf(',"to":');
const CLOSE = bytesOf("}");

/** Words with their closing quote, by number. */
const MODES: readonly Uint8Array[] = ["exclusive", "shared", "permit"].map((word) => bytesOf(`${word}"`));
const ACQUIRE = HISTORY_OPERATIONS.indexOf("acquire");
const RELEASE = HISTORY_OPERATIONS.indexOf("release");
const RENEW = HISTORY_OPERATIONS.indexOf("renew");
const OPERATIONS: readonly Uint8Array[] = ["acquire", "release", "renew"].map((word) => bytesOf(`${word}"`));
const ASKED_NUMBERS: readonly number[] = [ACQUIRE, RELEASE, RENEW];
/** How each of them ends where all is well. */
const OUTCOMES: readonly Uint8Array[] = ["granted", "released", "renewed"].map((word) => bytesOf(`${word}"`));
const OUTCOME_NUMBERS: readonly number[] = [
  HISTORY_OUTCOMES.indexOf("granted"),
  HISTORY_OUTCOMES.indexOf("released"),
  HISTORY_OUTCOMES.indexOf("renewed"),
];

/** Reads lines out of bytes into a book. */
export class LineScanner {
  readonly #book: HistoryBook;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  constructor(book: HistoryBook) {
    this.#book = book;
  }

  /** Takes the line in [from, to). False, and nothing is taken, if it is not of the expected form. */
  take(bytes: Uint8Array, from: number, to: number, line: number): boolean {
    if (this.#book.header === undefined) return false;
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    if (this.#skip(OP)) return this.#takeOp(line);
    return this.#skip(BELIEVE) && this.#takeBelief(line);
  }

  #takeOp(line: number): boolean {
    const { fields, sessions, resources } = this.#book;
    fields.process = this.#number();
    if (!this.#skip(SESSION)) return false;
    fields.session = this.#name(sessions);
    if (!this.#skip(ID)) return false;
    fields.id = this.#number();
    if (!this.#skip(ASKED)) return false;
    const asked = this.#word(OPERATIONS);
    if (asked < 0 || !this.#skip(RESOURCE)) return false;
    fields.kind = ASKED_NUMBERS[asked] ?? 0;
    fields.resource = this.#name(resources);
    if (!this.#skip(CALL)) return false;
    fields.call = this.#number();
    if (!this.#skip(RETURN)) return false;
    fields.returned = this.#number();
    if (!this.#skip(ARGS) || !this.#takeArgs(asked) || !this.#skip(OUTCOME)) return false;
    if (this.#word(OUTCOMES) !== asked || !this.#skip(TOKEN)) return false;
    fields.outcome = OUTCOME_NUMBERS[asked] ?? 0;
    fields.token = this.#number();
    if (!this.#skip(END) || this.#at !== this.#end) return false;
    const areNumbers = fields.process >= 0 && fields.id > 0 && fields.call >= 0 && fields.token > 0;
    if (!areNumbers || fields.session < 0 || fields.resource < 0 || fields.returned < fields.call) return false;
    if (resources.text(fields.resource) === "") return false;
    this.#book.pushOp(line);
    return true;
  }

  #takeArgs(asked: number): boolean {
    const { fields } = this.#book;
    fields.flags = 0;
    fields.number = 0;
    fields.mode = 0;
    if (asked > 0) return !this.#skip(TTL) || this.#number() >= 0;
    if (!this.#skip(MODE)) return false;
    fields.mode = this.#word(MODES);
    if (fields.mode < 0 || !this.#skip(NEXT_TTL) || this.#number() < 0 || !this.#skip(WAIT)) return false;
    const waitMs = this.#number();
    if (waitMs < 0) return false;
    if (waitMs > 0) fields.flags |= FLAG_WAITS;
    if (fields.mode === 2) {
      if (!this.#skip(PERMITS)) return false;
      fields.number = this.#number();
      if (fields.number < 1) return false;
    }
    if (!this.#skip(DELAY)) return true;
    const delayMs = this.#number();
    if (delayMs > 0) fields.flags |= FLAG_DELAYS;
    return delayMs >= 0;
  }

  #takeBelief(line: number): boolean {
    const { fields, resources } = this.#book;
    fields.kind = ROW_BELIEVE;
    fields.process = this.#number();
    if (!this.#skip(RESOURCE)) return false;
    fields.resource = this.#name(resources);
    if (!this.#skip(NEXT_MODE)) return false;
    fields.mode = this.#word(MODES);
    if (!this.#skip(TOKEN)) return false;
    fields.token = this.#number();
    if (!this.#skip(FROM)) return false;
    fields.call = this.#number();
    if (!this.#skip(TO)) return false;
    fields.returned = this.#number();
    if (!this.#skip(CLOSE) || this.#at !== this.#end) return false;
    if (fields.process < 0 || fields.resource < 0 || fields.mode < 0 || fields.token < 1 || fields.call < 0)
      return false;
    if (fields.returned < fields.call || resources.text(fields.resource) === "") return false;
    this.#book.push(line);
    return true;
  }

  #skip(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at + expected.length > this.#end) return false;
    for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
    this.#at = at + expected.length;
    return true;
  }

  /** -1: none of them. */
  #word(words: readonly Uint8Array[]): number {
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      if (word !== undefined && this.#skip(word)) return i;
    }
    return -1;
  }

  /** -1: no whole number as JSON has it, or one that may be too large. */
  #number(): number {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from;
    let value = 0;
    for (; at < this.#end; at++) {
      const digit = bytes[at] ?? 0;
      if (digit < ZERO || digit > NINE) break;
      value = value * 10 + (digit - ZERO);
    }
    const digits = at - from;
    if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[from] === ZERO)) return -1;
    this.#at = at;
    return value;
  }

  /** The number of the name up to the next quote; -1 if it is more than plain ASCII. */
  #name(names: Names): number {
    const at = names.upToQuote(this.#bytes, this.#at, this.#end);
    if (at < 0) return -1;
    this.#at = at;
    return names.found;
  }
}
