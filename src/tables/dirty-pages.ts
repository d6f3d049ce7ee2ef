/**
 * Which pages of a table have changed since they were last written: a checkpoint writes those, in small steps between
 * batches (system.md §6). Hot path (native-bench/micro-tables.ts): every change of a row marks its page.
 */
import { assert } from "../words/assert.js";
import { Bitmap } from "./bitmap.js";

/** A set of page numbers. */
export class DirtyPages {
  readonly #marked: Bitmap;
  #count = 0;

  /** @param pages how many pages there are; they are numbered from 0. */
  constructor(pages: number) {
    this.#marked = new Bitmap(pages);
  }

  /** How many pages are marked. */
  get count(): number {
    return this.#count;
  }

  mark(page: number): void {
    if (this.#marked.set(page)) this.#count += 1;
  }

  isMarked(page: number): boolean {
    return this.#marked.has(page);
  }

  /** The first marked page from `from` up, which is no longer marked then; -1 if there is none. */
  take(from: number): number {
    const page = this.#marked.next(from, this.#marked.size);
    if (page < 0) return -1;
    assert(this.#marked.clear(page), "a page that is taken was marked");
    this.#count -= 1;
    return page;
  }
}
