/**
 * The one place through which each body passes on its way to the disk and back. The checksum covers the body and where
 * it belongs (its key or seq), because SQLite keeps none: a flipped bit, or a body under another row's number, is found
 * before anybody applies it.
 */
import { crc32 } from "node:zlib";

/** A body as it is stored beside its checksum. */
export interface Sealed {
  readonly crc: number;
  readonly body: Uint8Array;
}

const place = new Float64Array(3);
const placeBytes = new Uint8Array(place.buffer);

/** Where a body belongs: numbers that stand beside it in its row, and must not change unseen either. */
export type Place = readonly [number: number, second: number, third: number];

/** Seals the body that stands at `at`; the body is lent. */
export function seal(at: Place, body: Uint8Array): Sealed {
  return { crc: checksum(at, body), body };
}

/** Opens what `seal` made. @returns null if it is not what was sealed for this place */
export function open(at: Place, sealed: Sealed): Uint8Array | null {
  return checksum(at, sealed.body) === sealed.crc ? sealed.body : null;
}

function checksum(at: Place, body: Uint8Array): number {
  place.set(at);
  const before = crc32(placeBytes);
  return body.length === 0 ? before : crc32(body, before); // zlib answers 0 for an empty body that has no address.
}
