/**
 * Reads msgpack where it lies, without making objects: the hot messages go from bytes to columns in a few nanoseconds
 * each. What is not as it should be makes `hasFailed`, once and for the whole read; nothing throws, nothing grows. Hot path:
 * `make micro`. Spec: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** How deep values may be nested that are skipped. */
const DEPTH_MAX = 16;
const TWO_32 = 2 ** 32;

export class Reader {
  bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the next value begins. */
  at = 0;
  end = 0;
  #failed = false;
  /** The last string or byte string that was read. */
  textAt = 0;
  textEnd = 0;

  /** Begins to read `[at, end)` of these bytes. */
  begin(bytes: Uint8Array, view: DataView, at: number, end: number): void {
    this.bytes = bytes;
    this.#view = view;
    this.at = at;
    this.end = end;
    this.#failed = false;
  }

  /** Whether something was not as it should be. A call, because a field would be taken to stay as it was last read. */
  hasFailed(): boolean {
    return this.#failed;
  }
  /** Makes the read fail for what the caller found in it; it may go on to read. */
  markFailed(): void {
    this.#failed = true;
  }

  #fail(): number {
    this.#failed = true;
    this.at = this.end;
    return 0;
  }
  /** Steps over `size` bytes and returns where they began; fails if there are fewer. */
  #take(size: number): number {
    const at = this.at;
    if (size > this.end - at) return this.#fail();
    this.at = at + size;
    return at;
  }
  #byte(): number {
    if (this.at >= this.end) {
      this.#failed = true;
      return 0xc1;
    }
    return this.bytes[this.at++] ?? 0xc1;
  }

  /** The length of an array; fails if there is none. */
  array(): number {
    const tag = this.#byte();
    if (tag >>> 4 === 9) return tag & 15;
    if (tag === 0xdc) return this.#sized(2);
    if (tag === 0xdd) return this.#sized(4);
    return this.#fail();
  }
  #sized(size: number): number {
    const at = this.#take(size);
    if (this.#failed) return 0;
    return size === 1 ? (this.bytes[at] ?? 0) : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** An integer, or a float64 with an integral value, below 2^53 either way; fails if it is none. */
  integer(): number {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    switch (tag) {
      case 0xcc:
        return this.#sized(1);
      case 0xcd:
        return this.#sized(2);
      case 0xce:
        return this.#sized(4);
      case 0xcf:
        return this.#wide(false);
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed(tag);
      case 0xd3:
        return this.#wide(true);
      case 0xcb:
        return this.#double();
      default:
        return this.#fail();
    }
  }
  #signed(tag: number): number {
    const at = this.#take(1 << (tag - 0xd0));
    if (this.#failed) return 0;
    return tag === 0xd0 ? this.#view.getInt8(at) : tag === 0xd1 ? this.#view.getInt16(at) : this.#view.getInt32(at);
  }
  #wide(isSigned: boolean): number {
    const at = this.#take(8);
    if (this.#failed) return 0;
    const high = isSigned ? this.#view.getInt32(at) : this.#view.getUint32(at);
    const value = high * TWO_32 + this.#view.getUint32(at + 4);
    return Number.isSafeInteger(value) ? value : this.#fail();
  }
  #double(): number {
    const at = this.#take(8);
    if (this.#failed) return 0;
    const value = this.#view.getFloat64(at);
    return Number.isSafeInteger(value) ? value : this.#fail();
  }

  /** Whether the next value is nil; steps over it if so. */
  nil(): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== 0xc0) return false;
    this.at++;
    return true;
  }

  /** A string or byte string: sets `textAt` and `textEnd`; fails if it is none. */
  text(): void {
    const tag = this.#byte();
    let size = 0;
    if (tag >>> 5 === 5) size = tag & 31;
    else if (tag === 0xd9 || tag === 0xc4) size = this.#sized(1);
    else if (tag === 0xda || tag === 0xc5) size = this.#sized(2);
    else if (tag === 0xdb || tag === 0xc6) size = this.#sized(4);
    else this.#fail();
    const at = this.#take(size);
    this.textAt = at;
    this.textEnd = this.#failed ? at : at + size;
  }

  /** Steps over one value of any kind. */
  skip(): void {
    this.#skip(0);
  }
  #skip(depth: number): void {
    const tag = this.#byte();
    if (this.#failed || depth > DEPTH_MAX) return void this.#fail();
    if (tag < 0x80 || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return;
    if (tag >>> 4 === 8) return this.#skipMany((tag & 15) * 2, depth);
    if (tag >>> 4 === 9) return this.#skipMany(tag & 15, depth);
    if (tag >>> 5 === 5) return void this.#take(tag & 31);
    this.#skipLong(tag, depth);
  }
  #skipMany(count: number, depth: number): void {
    if (count > this.end - this.at) return void this.#fail(); // A value has a byte at least: a lying length ends here.
    for (let i = 0; i < count && !this.#failed; i++) this.#skip(depth + 1);
  }
  #skipLong(tag: number, depth: number): void {
    if (tag >= 0xc4 && tag <= 0xc6) return void this.#take(this.#sized(1 << (tag - 0xc4)));
    if (tag >= 0xc7 && tag <= 0xc9) return void this.#take(this.#sized(1 << (tag - 0xc7)) + 1);
    if (tag === 0xca) return void this.#take(4);
    if (tag === 0xcb) return void this.#take(8);
    if (tag >= 0xcc && tag <= 0xcf) return void this.#take(1 << (tag - 0xcc));
    if (tag >= 0xd0 && tag <= 0xd3) return void this.#take(1 << (tag - 0xd0));
    if (tag >= 0xd4 && tag <= 0xd8) return void this.#take((1 << (tag - 0xd4)) + 1);
    if (tag >= 0xd9 && tag <= 0xdb) return void this.#take(this.#sized(1 << (tag - 0xd9)));
    if (tag === 0xdc || tag === 0xdd) return this.#skipMany(this.#sized(tag === 0xdc ? 2 : 4), depth);
    if (tag === 0xde || tag === 0xdf) return this.#skipMany(this.#sized(tag === 0xde ? 2 : 4) * 2, depth);
    this.#fail();
  }
}
