/**
 * Names as small numbers: a history of millions of lines has few resources and sessions, and names them in each line.
 * They are found by their bytes, so that the quick reader makes no string.
 */
/** FNV-1a. */
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Names by number, from 0 in the order in which they came. */
export class Names {
  readonly #texts: string[] = [];
  readonly #bytes: Uint8Array[] = [];
  /** Open addressing: 0, or the number of a name + 1. */
  #cells: Int32Array = new Int32Array(1024);
  /** What `upToQuote` found last. */
  found = 0;

  get size(): number {
    return this.#texts.length;
  }

  text(index: number): string {
    return this.#texts[index] ?? "";
  }

  of(text: string): number {
    const bytes = Buffer.from(text);
    return this.ofBytes(bytes, 0, bytes.length);
  }

  /** The number of the name that these bytes are, as UTF-8. */
  ofBytes(bytes: Uint8Array, from: number, to: number): number {
    let hash = SEED;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), PRIME);
    return this.#find(bytes, from, to, hash);
  }

  /** Where the plain ASCII from `from` on ends at a quote; -1 if something else ends it. `found` is then its number. */
  upToQuote(bytes: Uint8Array, from: number, end: number): number {
    let hash = SEED;
    let at = from;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return -1;
      hash = Math.imul(hash ^ byte, PRIME);
    }
    this.found = this.#find(bytes, from, at, hash);
    return at;
  }

  #find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#cells.length - 1;
    let cell = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const index = (this.#cells[cell] ?? 0) - 1;
      if (index < 0) return this.#add(new Uint8Array(bytes.subarray(from, to)), cell);
      if (isSame(this.#bytes[index], bytes, from, to)) return index;
      cell = (cell + 1) & mask;
    }
  }

  #add(bytes: Uint8Array, cell: number): number {
    const index = this.#texts.length;
    this.#texts.push(Buffer.from(bytes).toString());
    this.#bytes.push(bytes);
    this.#cells[cell] = index + 1;
    if (this.#texts.length * 2 > this.#cells.length) this.#grow();
    return index;
  }

  #grow(): void {
    const mask = this.#cells.length * 2 - 1;
    const cells = new Int32Array(mask + 1);
    this.#bytes.forEach((bytes, index) => {
      let hash = SEED;
      for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
      let cell = (hash ^ (hash >>> 15)) & mask;
      while (cells[cell] !== 0) cell = (cell + 1) & mask;
      cells[cell] = index + 1;
    });
    this.#cells = cells;
  }
}

function isSame(known: Uint8Array | undefined, bytes: Uint8Array, from: number, to: number): boolean {
  if (known?.length !== to - from) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[from + at]) return false;
  return true;
}
