/**
 * Keeps short byte strings (resource names, metadata) outside the JavaScript heap. Hot path
 * (native-bench/micro-tables.ts).
 *
 *     segment (256 KiB, made when first needed) = 64 pages of 4 KiB; a page holds blocks of one size class
 *     page    | block | block | free | block | ... | never used |
 *     block   u16 size | bytes | padding to 8                                 20 bytes of name: a block of 24
 *     free    u16 0x8000 + unit of the next free block of the page + 1, or 0x8000
 *
 * A ref is the place of a block in units of 8 bytes, so 32 bits reach over 16 GiB and more. A page whose blocks are all
 * free can serve another size class: names that change their size over the months do not fill the table with holes.
 * Page 0 is never used, so that ref 0 is "no bytes".
 */
import { assert, outOfRange } from "../words/assert.js";
import { reserveWords } from "./memory.js";

/** The longest byte string that fits, in bytes. */
export const NAME_SIZE_MAX = 2_046;

// Powers of two, so that a ref is taken apart by shifts.
const UNIT_SHIFT = 3;
const PAGE_SHIFT = 9; // From units to pages.
const SEGMENT_SHIFT = 15; // From units to segments.
const PAGE_UNITS = 2 ** PAGE_SHIFT;
const SEGMENT_UNITS = 2 ** SEGMENT_SHIFT;
const PAGE_SIZE = PAGE_UNITS << UNIT_SHIFT;
const SEGMENT_SIZE = SEGMENT_UNITS << UNIT_SHIFT;
const CLASS_COUNT = (NAME_SIZE_MAX + 2) >>> UNIT_SHIFT; // A class for each count of units, from 1.
const FREE = 0x8000;

// The four cells of a page in `#pages`.
const CELLS = 4;
const UNITS = 0; // Its size class; 0: the page is in no use.
const LIVE = 1; // How many of its blocks are live.
const FRESH = 2; // The first unit that was never used.
const FIRST_FREE = 3; // Unit of the first free block, + 1; 0: none.

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** An arena of byte strings of 1 to NAME_SIZE_MAX bytes. */
export class Names {
  readonly #segments: Uint8Array[] = [];
  readonly #pages: Uint16Array;
  readonly #next: Uint32Array; // By page: the next open page of its class, or the next empty one.
  readonly #previous: Uint32Array; // By page: the open page of its class before it.
  readonly #open: Uint32Array = new Uint32Array(CLASS_COUNT + 1); // By class: the first page with room.
  readonly #pagesMax: number;
  #empty = 0; // The first page that was used and is not.
  #highest = 0; // The highest page ever used.
  #pagesInUse = 0;

  /**
   * @param options.bytesMax the limit of memory for all blocks, in bytes: whole pages of 4 KiB, at least one; give it
   * one more for each size class in use.
   */
  constructor(options: { readonly bytesMax: number }) {
    this.#pagesMax = Math.max(1, Math.floor(options.bytesMax / PAGE_SIZE));
    assert(this.#pagesMax < 2 ** 22, "an arena of names has less than 16 GiB, so that a ref is a small integer");
    this.#pages = new Uint16Array((this.#pagesMax + 1) * CELLS);
    this.#next = reserveWords(this.#pagesMax + 1);
    this.#previous = reserveWords(this.#pagesMax + 1);
  }

  /** How much of `bytesMax` is in use, in bytes: whole pages, their free blocks included. */
  get bytesInUse(): number {
    return this.#pagesInUse * PAGE_SIZE;
  }

  /**
   * Copies `bytes[start..end)` in and answers its ref, a positive integer below 2^31; 0 if there is no room.
   * @throws BrokenInvariant if the range is empty, longer than NAME_SIZE_MAX or leaves `bytes`.
   */
  put(bytes: Uint8Array, start: number, end: number): number {
    const size = end - start;
    assert(size >= 1 && size <= NAME_SIZE_MAX, "a name has 1 to NAME_SIZE_MAX bytes");
    assert(start >= 0 && end <= bytes.length, "a name lies in the bytes given");
    const units = (size + 9) >>> UNIT_SHIFT;
    let page = this.#open[units] ?? outOfRange(units);
    if (page === 0) {
      page = this.#openPage(units);
      if (page === 0) return 0;
    }

    const ref = this.#takeBlock(page, units);
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    let at = offsetOf(ref);
    segment[at] = size;
    segment[at + 1] = size >>> 8;
    at += 2;
    for (let from = start; from < end; from += 1) {
      segment[at] = bytes[from] ?? outOfRange(from);
      at += 1;
    }
    return ref;
  }

  /** Gives the block of `ref` back. @throws BrokenInvariant if it is free or never was. */
  free(ref: number): void {
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    const at = offsetOf(ref);
    const page = ref >>> PAGE_SHIFT;
    const cells = page * CELLS;
    const units = this.#pages[cells + UNITS] ?? outOfRange(ref);
    const firstFree = this.#pages[cells + FIRST_FREE] ?? outOfRange(ref);
    const live = this.#pages[cells + LIVE] ?? outOfRange(ref);
    assert(units !== 0 && (segment[at + 1] ?? outOfRange(ref)) < FREE >>> 8, "a name that is freed is live");

    segment[at] = firstFree;
    segment[at + 1] = (FREE | firstFree) >>> 8;
    this.#pages[cells + FIRST_FREE] = (ref & (PAGE_UNITS - 1)) + 1;
    this.#pages[cells + LIVE] = live - 1;
    const wasFull = firstFree === 0 && (this.#pages[cells + FRESH] ?? outOfRange(ref)) + units > PAGE_UNITS;
    if (wasFull) this.#link(page, units);
    if (live === 1) this.#emptied(page, units);
  }

  /** Whether the bytes of `ref` are `bytes[start..end)`. Those of ref 0 are none. */
  equals(ref: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (ref === 0) return start === end;
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    let at = offsetOf(ref);
    if (((segment[at] ?? outOfRange(ref)) | ((segment[at + 1] ?? outOfRange(ref)) << 8)) !== end - start) return false;
    at += 2;
    for (let from = start; from < end; from += 1) {
      if (segment[at] !== bytes[from]) return false;
      at += 1;
    }
    return true;
  }

  /** How many bytes `ref` has; ref 0 has none. @throws BrokenInvariant if it is free. */
  size(ref: number): number {
    if (ref === 0) return 0;
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    const at = offsetOf(ref);
    const prefix = (segment[at] ?? outOfRange(ref)) | ((segment[at + 1] ?? outOfRange(ref)) << 8);
    assert(prefix < FREE, "a name that is read is live");
    return prefix;
  }

  /** Copies the bytes of `ref` to `target` from `at` on and answers how many. @throws BrokenInvariant without room. */
  copyTo(ref: number, target: Uint8Array, at: number): number {
    const size = this.size(ref);
    if (size === 0) return 0;
    assert(at >= 0 && at + size <= target.length, "a name is copied to where it has room");
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    const start = offsetOf(ref) + 2;
    for (let index = 0; index < size; index += 1) {
      target[at + index] = segment[start + index] ?? outOfRange(start + index);
    }
    return size;
  }

  /** The bytes of `ref` as text, for people: UTF-8, what is not becomes U+FFFD. Not for the hot path. */
  read(ref: number): string {
    const size = this.size(ref);
    if (size === 0) return "";
    const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
    const start = offsetOf(ref) + 2;
    return decoder.decode(segment.subarray(start, start + size));
  }

  /** Takes a block of an open page and answers its ref; a page that is full by it is open no longer. */
  #takeBlock(page: number, units: number): number {
    const cells = page * CELLS;
    const firstFree = this.#pages[cells + FIRST_FREE] ?? outOfRange(page);
    let fresh = this.#pages[cells + FRESH] ?? outOfRange(page);
    let ref = page * PAGE_UNITS + fresh;
    let nextFree = 0;
    if (firstFree === 0) {
      fresh += units;
      this.#pages[cells + FRESH] = fresh;
    } else {
      ref = page * PAGE_UNITS + firstFree - 1;
      const segment = this.#segments[ref >>> SEGMENT_SHIFT] ?? outOfRange(ref);
      const at = offsetOf(ref);
      const prefix = (segment[at] ?? outOfRange(ref)) | ((segment[at + 1] ?? outOfRange(ref)) << 8);
      assert(prefix >= FREE, "a block on the free list is free");
      nextFree = prefix & ~FREE;
      this.#pages[cells + FIRST_FREE] = nextFree;
    }
    this.#pages[cells + LIVE] = (this.#pages[cells + LIVE] ?? outOfRange(page)) + 1;
    if (nextFree === 0 && fresh + units > PAGE_UNITS) this.#unlink(page, units);
    return ref;
  }

  /** An empty page becomes one of this class; 0 if the limit is reached. */
  #openPage(units: number): number {
    let page = this.#empty;
    if (page === 0 && this.#highest === this.#pagesMax) this.#reclaim();
    page = this.#empty;
    if (page !== 0) {
      this.#empty = this.#next[page] ?? outOfRange(page);
    } else {
      if (this.#highest === this.#pagesMax) return 0;
      this.#highest += 1;
      page = this.#highest;
      const segment = (page * PAGE_UNITS) >>> SEGMENT_SHIFT;
      if (segment >= this.#segments.length) this.#segments.push(new Uint8Array(SEGMENT_SIZE));
    }
    this.#pages[page * CELLS + UNITS] = units;
    this.#pagesInUse += 1;
    this.#link(page, units);
    return page;
  }

  /**
   * A page without a live block. The only open one of its class is kept there: else one name that comes and goes would
   * open and shut a page each time.
   */
  #emptied(page: number, units: number): void {
    const cells = page * CELLS;
    this.#pages[cells + FRESH] = 0;
    this.#pages[cells + FIRST_FREE] = 0;
    const alone = this.#open[units] === page && this.#next[page] === 0;
    if (!alone) this.#shut(page, units);
  }

  #shut(page: number, units: number): void {
    this.#unlink(page, units);
    this.#pages[page * CELLS + UNITS] = 0;
    this.#next[page] = this.#empty;
    this.#empty = page;
    this.#pagesInUse -= 1;
  }

  /** At the limit: the empty pages that classes keep (see `#emptied`) are taken from them. */
  #reclaim(): void {
    for (let units = 1; units <= CLASS_COUNT; units += 1) {
      const page = this.#open[units] ?? outOfRange(units);
      if (page !== 0 && this.#pages[page * CELLS + LIVE] === 0) this.#shut(page, units);
    }
  }

  #link(page: number, units: number): void {
    const first = this.#open[units] ?? outOfRange(units);
    this.#next[page] = first;
    this.#previous[page] = 0;
    if (first !== 0) this.#previous[first] = page;
    this.#open[units] = page;
    if (first !== 0 && this.#pages[first * CELLS + LIVE] === 0) this.#shut(first, units); // No longer the only one.
  }

  #unlink(page: number, units: number): void {
    const next = this.#next[page] ?? outOfRange(page);
    const previous = this.#previous[page] ?? outOfRange(page);
    if (previous === 0) this.#open[units] = next;
    else this.#next[previous] = next;
    if (next !== 0) this.#previous[next] = previous;
  }
}

/** Where the block of `ref` begins in its segment, in bytes. */
function offsetOf(ref: number): number {
  return (ref & (SEGMENT_UNITS - 1)) << UNIT_SHIFT;
}
