/**
 * Which shard has a resource, so that a request goes straight to its worker: the table that the server sent, indexed by
 * the high bits of the name's CRC-32 (PROTOCOL §2).
 */
import { ProtocolError } from "../protocol/fields.js";
import type { ClusterMap } from "../protocol/server-messages.js";
import { outOfRange } from "../words/assert.js";
import { crc32 } from "../words/crc32.js";

/** The longest name that the protocol allows. */
const RESOURCE_BYTES_MAX = 1020;

/** The ring as a table. */
export class Ring {
  readonly id: number;
  readonly #table: Uint16Array;
  readonly #shift: number;
  readonly #bytes: Uint8Array = new Uint8Array(RESOURCE_BYTES_MAX);
  readonly #encoder = new TextEncoder();

  /**
   * @param bytes 2-byte little-endian shard numbers, a power of two of them; copied.
   * @throws ProtocolError if it is not that, not the ring of the map, or names a shard that the map has not.
   */
  constructor(bytes: Uint8Array, map: ClusterMap) {
    const length = bytes.length / 2;
    const bits = Math.log2(length);
    if (!Number.isInteger(bits) || bits < 1 || bits > 31) {
      throw new ProtocolError(`malformed: a ring of ${bytes.length} bytes is not a table`);
    }
    this.id = crc32(bytes, 0, bytes.length, 0);
    if (this.id !== map.ringId)
      throw new ProtocolError(`malformed: the ring's checksum is ${this.id}, not ${map.ringId}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#table = Uint16Array.from({ length }, (_, index) => view.getUint16(index * 2, true));
    if (this.#table.some((shard) => shard >= map.shards)) {
      throw new ProtocolError(`malformed: the ring names a shard beyond the ${map.shards} of the map`);
    }
    this.#shift = 32 - bits;
  }

  /** The shard of a name; one that is too long has any: the server refuses it. */
  shardOf(resource: string): number {
    const { written } = this.#encoder.encodeInto(resource, this.#bytes);
    const slot = crc32(this.#bytes, 0, written, 0) >>> this.#shift;
    return this.#table[slot] ?? outOfRange(slot);
  }
}
