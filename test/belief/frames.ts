/** Cuts what a WebSocket server sends into whole frames, so that a wire can deliver one of them again. RFC 6455, §5.2. */

const HEADER_END = Buffer.from("\r\n\r\n");
const OPCODE_BINARY = 2;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const NOTHING: Buffer = Buffer.alloc(0);

/** What came, in order. */
export interface Piece {
  readonly bytes: Buffer;
  /** A whole message, as opposed to the answer to the upgrade, or a ping. */
  readonly isMessage: boolean;
}

/** One direction of one connection. */
export class FrameCutter {
  #rest: Buffer = NOTHING;
  #isUpgraded = false;

  /** Takes the next bytes. @returns what is whole by now */
  take(bytes: Buffer): readonly Piece[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const pieces: Piece[] = [];
    for (let size = this.#sizeOfNext(); size > 0; size = this.#sizeOfNext()) {
      const piece = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      pieces.push({ bytes: piece, isMessage: this.#isUpgraded && (piece[0] ?? 0) % 16 === OPCODE_BINARY });
      this.#isUpgraded = true;
    }
    return pieces;
  }

  /** 0: it is not whole yet. */
  #sizeOfNext(): number {
    const bytes = this.#rest;
    if (!this.#isUpgraded) {
      const end = bytes.indexOf(HEADER_END);
      return end < 0 ? 0 : end + HEADER_END.length;
    }
    if (bytes.length < 2) return 0;
    const short = (bytes[1] ?? 0) % 128;
    const header = short === LENGTH_64 ? 10 : short === LENGTH_16 ? 4 : 2;
    if (bytes.length < header) return 0;
    const length = header === 10 ? Number(bytes.readBigUInt64BE(2)) : header === 4 ? bytes.readUInt16BE(2) : short;
    return bytes.length < header + length ? 0 : header + length;
  }
}
