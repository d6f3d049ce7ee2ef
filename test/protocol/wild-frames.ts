/**
 * Frames that no client would send: messages of the protocol with fields of any format and any edge, lengths that lie,
 * nesting, bombs; and well-formed ones that are then damaged. All of them come again from their seed.
 */
import type { Random } from "../tables/random.js";

const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 31n, 32n, 127n, 128n, 255n, 256n, 5_000n, 30_000n, 65_535n, 65_536n, 300_000n, 300_001n],
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n],
  ...[2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];
const FLOATS: readonly number[] = [0, -0, 1, 1.5, -1, 5_000, 1e300, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY];
const KINDS: readonly number[] = [
  1, 2, 2, 2, 3, 4, 5, 10, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 30, 99,
];
const NAMES: readonly Uint8Array[] = [
  ...["a:b", "order:1", "x:é", "🔒:🔑", "", ":", "a:", ":b", "ab", "a:\0", "a:\n", "a:\u007f", "a:\u0085"].map(bytesOf),
  ...[255, 256, 1_020, 1_021].map((length) => bytesOf(`a:${"b".repeat(length - 2)}`)),
  bytesOf(`a:${"\u{1f512}".repeat(253)}`),
  Uint8Array.of(0x61, 0x3a, 0xff),
  Uint8Array.of(0x61, 0x3a, 0xc3),
  Uint8Array.of(0x61, 0x3a, 0xed, 0xa0, 0x80),
];

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Makes frames from one sequence of random numbers. */
export class WildFrames {
  readonly #random: Random;
  readonly #paths: readonly number[];
  #bytes: number[] = [];

  /** @param paths numbers of paths that groups name beside random ones. */
  constructor(random: Random, paths: readonly number[]) {
    this.#random = random;
    this.#paths = paths;
  }

  /** A frame of messages: each is one of the protocol in outline, and wrong in some places. */
  frame(): Uint8Array {
    this.#bytes = [];
    const count = this.#random.below(5);
    this.#array(this.#isRare(40) ? this.#random.below(70_000) : count);
    for (let message = 0; message < count; message++) this.#message();
    if (this.#isRare(50)) this.#value(0);
    return Uint8Array.from(this.#bytes);
  }

  /** Any bytes, or a frame with some of its bytes changed, left out, doubled or cut off. */
  damaged(): Uint8Array {
    if (this.#isRare(10)) return Uint8Array.from({ length: this.#random.below(60) }, () => this.#random.below(256));
    const bytes = [...this.frame()];
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      const at = this.#random.below(bytes.length + 1);
      const how = this.#random.below(4);
      if (how === 0) bytes[at] = this.#random.below(256);
      else if (how === 1) bytes.splice(at, 1 + this.#random.below(4));
      else if (how === 2) bytes.splice(at, 0, this.#random.below(256));
      else bytes.length = at;
    }
    return Uint8Array.from(bytes);
  }

  #isRare(times: number): boolean {
    return this.#random.below(times) === 0;
  }

  #message(): void {
    if (this.#isRare(30)) return this.#value(0);
    if (this.#isRare(3)) return this.#tidyMessage();
    const kind = this.#random.pick(KINDS);
    const fields = this.#random.below(12);
    this.#array(this.#isRare(30) ? this.#random.below(40) : fields + 2);
    this.#integer(BigInt(kind));
    if (kind === 2 && !this.#isRare(3)) this.#integer(BigInt(this.#random.pick([0, ...this.#paths])));
    else this.#number();
    for (let field = 0; field < fields; field++) {
      if (field === 0 && kind !== 2 && !this.#isRare(8)) this.#text(this.#random.pick(NAMES));
      else if (this.#isRare(6)) this.#value(0);
      else this.#number();
    }
  }

  /** One that a client could send: what is wild must also meet what is not. */
  #tidyMessage(): void {
    const isGroup = this.#isRare(2);
    const fields = isGroup
      ? [2, this.#random.pick(this.#paths), 1, 0]
      : [this.#random.pick([11, 12, 13]), 1 + this.#random.below(1_000)];
    this.#bytes.push(0x90 | (fields.length + Number(!isGroup)));
    for (const field of fields) this.#integer(BigInt(field));
    if (!isGroup) this.#text(bytesOf(`a:${this.#random.below(1_000)}`));
  }

  #value(depth: number): void {
    const what = this.#random.below(10);
    if (what < 3) return this.#number();
    if (what < 5) return this.#text(this.#random.pick(NAMES));
    if (what === 5) return void this.#bytes.push(this.#random.pick([0xc0, 0xc1, 0xc2, 0xc3]));
    if (what === 6) return this.#deep(this.#random.pick([1, 2, 15, 16, 17, 18, 200, 5_000]));
    if (what === 7) return this.#extension();
    if (depth > 3) return void this.#bytes.push(0xc0);
    const count = this.#random.below(4);
    const isMap = what === 8;
    this.#sized(isMap ? [0x80, 0xde, 0xdf] : [0x90, 0xdc, 0xdd], this.#isRare(5) ? this.#lie() : count);
    for (let i = 0; i < (isMap ? count * 2 : count); i++) this.#value(depth + 1);
  }

  #deep(depth: number): void {
    for (let i = 0; i < depth; i++) this.#bytes.push(0x91);
    this.#bytes.push(0x00);
  }

  #extension(): void {
    this.#bytes.push(this.#random.pick([0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]), this.#random.below(20));
    for (let i = this.#random.below(20); i > 0; i--) this.#bytes.push(this.#random.below(256));
  }

  #number(): void {
    const how = this.#random.below(12);
    if (how === 0) return this.#big(0xcb, floatBits(this.#random.pick(FLOATS)), 8);
    if (how === 1) return void this.#bytes.push(0xc0);
    const value = this.#isRare(3) ? this.#random.pick(EDGES) : BigInt(this.#random.below(1_000) + 1);
    this.#integer(how === 2 ? -value : value);
  }

  /** In any format that holds it, and now and then in one that does not. */
  #integer(value: bigint): void {
    const isSmall = value >= 0n && value < 128n;
    if (isSmall && !this.#isRare(4)) return void this.#bytes.push(Number(value));
    const power = isSmall ? this.#random.below(4) : powerOf(value);
    const base = value < 0n || this.#isRare(4) ? 0xd0 : 0xcc;
    this.#big(base + power, BigInt.asUintN(64, value), 2 ** power);
  }

  #text(bytes: Uint8Array): void {
    const size = this.#isRare(20) ? this.#lie() : bytes.length;
    if (size < 32 && !this.#isRare(4)) this.#bytes.push(0xa0 | size);
    else this.#sized(this.#isRare(4) ? [0xc4, 0xc5, 0xc6] : [0xd9, 0xda, 0xdb], size, true);
    this.#bytes.push(...bytes);
  }

  #array(count: number): void {
    this.#sized([0x90, 0xdc, 0xdd], count);
  }

  /** A header: tags are those of the three formats, the first with its count in it, or (`isText`) in a byte behind. */
  #sized(tags: readonly [number, number, number], count: number, isText = false): void {
    const small = isText ? 256 : 16;
    if (count < small && !this.#isRare(6)) {
      if (isText) this.#bytes.push(tags[0], count);
      else this.#bytes.push(tags[0] | count);
    } else if (count < 65_536 && !this.#isRare(6)) this.#big(tags[1], BigInt(count), 2);
    else this.#big(tags[2], BigInt(count), 4);
  }

  /** A length that has nothing behind it. */
  #lie(): number {
    return this.#random.pick([15, 100, 65_535, 65_536, 2 ** 24, 2 ** 31, 2 ** 32 - 1]);
  }

  #big(tag: number, value: bigint, size: number): void {
    this.#bytes.push(tag);
    for (let at = size - 1; at >= 0; at--) this.#bytes.push(Number((value >> BigInt(at * 8)) & 255n));
  }
}

/** The exponent of the smallest size in bytes, 1 to 8, that holds the value. */
function powerOf(value: bigint): number {
  const size = value < 0n ? -value * 2n : value;
  if (size < 2n ** 8n) return 0;
  if (size < 2n ** 16n) return 1;
  return size < 2n ** 32n ? 2 : 3;
}

function floatBits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}
