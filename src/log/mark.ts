/**
 * The mark: how far the log was committed, in a file of its own. SQLite ends the recovery of its WAL at the first bad
 * frame without an error, so a log whose tail is gone looks like a shorter one; the mark knows better. It is
 * written after the commit is durable and so is never ahead of it; it needs no sync, since an older mark is harmless.
 *
 *     byte 0           4                8               16               24                28       32
 *          | "HFmk"    | version, uint32| seq, float64  | store id's     | CRC-32 of the    | zeros |
 *          |           |                |               | first 8 bytes  | 24 bytes before  |       |
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { storeFault } from "./store-fault.js";
import { syncDirectoryOf } from "./sync-directory.js";

const MARK_SIZE = 32;
const MARK_VERSION = 1;

/** The mark of one store, open for writing. */
export class Mark {
  readonly #descriptor: number;
  readonly #bytes = Buffer.alloc(MARK_SIZE);

  private constructor(descriptor: number, storeId: string) {
    this.#descriptor = descriptor;
    this.#bytes.write("HFmk", 0, "latin1");
    this.#bytes.writeUInt32LE(MARK_VERSION, 4);
    this.#bytes.write(storeId.slice(0, 16), 16, "hex");
  }

  /**
   * Opens the mark of the store in `file`, and makes it with `seq` where it is missing: under another name until it is
   * whole and synced, because a store with half a mark does not start.
   */
  static open(file: string, storeId: string, seq: number): Mark {
    const path = markPath(file);
    const isNew = !existsSync(path);
    const mark = new Mark(openSync(isNew ? `${path}.new` : path, isNew ? "w+" : "r+", 0o600), storeId);
    mark.write(seq);
    if (isNew) {
      fsyncSync(mark.#descriptor);
      renameSync(`${path}.new`, path);
      syncDirectoryOf(path);
    }
    return mark;
  }

  /** Says that everything up to `seq` is on disk: one write of 32 bytes within one sector, so never a half of it. */
  write(seq: number): void {
    this.#bytes.writeDoubleLE(seq, 8);
    this.#bytes.writeUInt32LE(crc32(this.#bytes.subarray(0, 24)), 24);
    writeSync(this.#descriptor, this.#bytes, 0, MARK_SIZE, 0);
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Where the mark of the store in `file` lies. */
export function markPath(file: string): string {
  return `${file}.mark`;
}

/**
 * What the mark of the store in `file` says. @returns null if there is none
 * @throws StoreFault `store-damaged` or `store-foreign` if it can't be believed
 */
export function readMark(file: string, storeId: string): number | null {
  const path = markPath(file);
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  const isWhole = bytes.length === MARK_SIZE && bytes.readUInt32LE(24) === crc32(bytes.subarray(0, 24));
  if (!isWhole || bytes.toString("latin1", 0, 4) !== "HFmk" || bytes.readUInt32LE(4) !== MARK_VERSION) {
    const seen =
      "the mark, which says how far the log was committed, can't be read, so nobody can tell whether the log lost its " +
      "end. If the disk is healthy, delete this one file to start without that check";
    throw storeFault("store-damaged", { file: path }, seen);
  }
  if (bytes.toString("hex", 16, 24) !== storeId.slice(0, 16)) {
    throw storeFault("store-foreign", { file: path }, "the mark belongs to another store than the one beside it");
  }
  return bytes.readDoubleLE(8);
}
