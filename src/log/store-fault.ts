/**
 * What can be wrong with a store or a data directory, said to somebody at 3 a.m.: each fault has a stable code, names
 * the file and says what to do. Faults cross threads, so there is a plain form of each beside the class.
 */

/** The stable codes; tests, metrics and the runbook know them. */
export type StoreFaultCode =
  | "store-damaged"
  | "store-in-use"
  | "store-lost-data"
  | "store-newer-format"
  | "store-missing"
  | "store-foreign"
  | "store-stopped"
  | "disk-failed"
  | "disk-full"
  | "data-dir-in-use"
  | "data-dir-damaged"
  | "data-dir-newer-format"
  | "data-dir-mismatch"
  | "data-dir-unusable";

/** A fault as it crosses threads. */
export interface PlainFault {
  readonly code: StoreFaultCode;
  readonly file: string;
  /** The log row that it is about; null where it is about none. */
  readonly seq: number | null;
  readonly message: string;
}

/** A store or data directory that can't be used, or no longer. `message` says what was seen and what to do. */
export class StoreFault extends Error {
  override readonly name = "StoreFault";
  readonly code: StoreFaultCode;
  readonly file: string;
  readonly seq: number | null;

  constructor(plain: PlainFault, cause?: unknown) {
    super(plain.message, cause === undefined ? undefined : { cause });
    this.code = plain.code;
    this.file = plain.file;
    this.seq = plain.seq;
  }

  /** The form that a message port carries. */
  plain(): PlainFault {
    return { code: this.code, file: this.file, seq: this.seq, message: this.message };
  }
}

const WAYS_OUT =
  "On a single node: restore a copy with its own tool, or start with a new data directory, which gives up every lock " +
  "that was held (clients must have stopped using them first). With replicas: take this node's store away and let it " +
  "learn the data from the others, which loses nothing.";

const ADVICE: { readonly [code in StoreFaultCode]: string } = {
  "store-damaged": `Copy the directory away before anything else and check the disk. ${WAYS_OUT}`,
  "store-lost-data": `Answers that were given rest on what is missing. Copy the directory away first. ${WAYS_OUT}`,
  "store-in-use": "Another process has it open, or an earlier server has not ended yet: stop that one first.",
  "store-newer-format": "A newer version of Holdfast wrote it: start that version again, or a later one.",
  "store-missing": `Was the disk mounted, was the directory moved? Put the file back and start again. ${WAYS_OUT}`,
  "store-foreign": "A file of another store or cluster lies in this directory: put each file back where it belongs.",
  "store-stopped": "This is a bug in Holdfast: please report it. Restart the node; all that was answered is on disk.",
  "disk-failed":
    "Nothing after it is acknowledged and it is not tried again (R-7); all that was answered is on disk. Check the " +
    "disk and the kernel's log, then restart the node.",
  "disk-full":
    "Nothing after it is acknowledged; all that was answered is on disk. Free some space or enlarge the disk, then " +
    "restart the node.",
  "data-dir-in-use":
    "Two servers never share a data directory: stop that one, or give this one a directory of its own.",
  "data-dir-damaged": `Copy the directory away before anything else and check the disk. ${WAYS_OUT}`,
  "data-dir-newer-format": "A newer version of Holdfast made it: start that version again, or a later one.",
  "data-dir-mismatch": "What is fixed when a data directory is made can't be changed: correct the setting.",
  "data-dir-unusable": "Name another directory, or give the server's user the right to read and write this one.",
};

/** Makes a fault whose message is what was seen, where, and what to do about it. */
export function storeFault(
  code: StoreFaultCode,
  where: { readonly file: string; readonly seq?: number },
  seen: string,
  cause?: unknown,
): StoreFault {
  const at = where.seq === undefined ? where.file : `${where.file}, at seq ${where.seq}`;
  const message = `${code}: ${seen} (${at}). ${ADVICE[code]}`;
  return new StoreFault({ code, file: where.file, seq: where.seq ?? null, message }, cause);
}

/**
 * The fault that an error of SQLite or of the file system means for `file`; a fault is passed on as it is. Whatever is
 * not about the disk is a bug of ours (`store-stopped`).
 */
export function faultOf(error: unknown, file: string, seq?: number): StoreFault {
  if (error instanceof StoreFault) return error;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const text = error instanceof Error ? error.message : String(error);
  const seen = code === "" ? text : `${text} [${code}]`;
  return storeFault(meaning(code), seq === undefined ? { file } : { file, seq }, seen, error);
}

function meaning(code: string): StoreFaultCode {
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return "store-damaged";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "store-in-use";
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "disk-full";
  if (DISK_ERRORS.some((prefix) => code.startsWith(prefix))) return "disk-failed";
  return "store-stopped";
}

const DISK_ERRORS: readonly string[] = [
  "SQLITE_IOERR",
  "SQLITE_CANTOPEN",
  "SQLITE_READONLY",
  "SQLITE_PERM",
  "EIO",
  "EROFS",
  "EACCES",
  "EPERM",
  "EFBIG",
  "ENOENT",
  "ENOTDIR",
];
