/** A new file survives a power failure only when the directory that names it is synced, too. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Syncs the directory in which `file` lies. @throws the error of the file system */
export function syncDirectoryOf(file: string): void {
  const descriptor = openSync(dirname(file), "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
