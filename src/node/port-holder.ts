/**
 * Which process has a port, so that "address already in use" comes with a name to call. Linux tells by two hops: the
 * tables of sockets give an inode, the open files of each process tell whose it is.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process that has a port. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line, words separated by blanks, at most 200 characters. */
  readonly command: string;
}

/** TCP_LISTEN of include/net/tcp_states.h, as the tables print it. */
const LISTENING = "0A";
const COMMAND_LENGTH_MAX = 200;

/**
 * Looks for the process that listens on a TCP port, or else has the abstract Unix socket of that name. Blocks for some
 * milliseconds.
 * @returns null if nobody has either, if it is a process of another user, or where there is no /proc.
 */
export function findPortHolder(port: number, abstractName: string): PortHolder | null {
  const inodes = new Set([...listeningInodes("/proc/net/tcp", port), ...listeningInodes("/proc/net/tcp6", port)]);
  if (inodes.size === 0) for (const inode of unixInodes(abstractName)) inodes.add(inode);
  return inodes.size === 0 ? null : processWith(inodes);
}

/** Lines of /proc/net/tcp: `sl local_address rem_address st … inode …`, the address in hex, the inode in column 9. */
function* listeningInodes(table: string, port: number): Generator<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of readText(table).split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const inode = columns[9];
    if (columns[1]?.endsWith(suffix) === true && columns[3] === LISTENING && inode !== undefined) yield inode;
  }
}

/**
 * Lines of /proc/net/unix: `Num RefCount Protocol Flags Type St Inode Path`. An @ stands for each zero byte: the one by
 * which a name is abstract, and those with which libuv before 1.47 fills it up.
 */
function* unixInodes(abstractName: string): Generator<string> {
  for (const line of readText("/proc/net/unix").split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const inode = columns[6];
    if (columns[7]?.replace(/@+$/, "") === `@${abstractName}` && inode !== undefined) yield inode;
  }
}

function processWith(inodes: ReadonlySet<string>): PortHolder | null {
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const name of readNames("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const directory = `/proc/${name}/fd`;
    if (readNames(directory).some((file) => links.has(readLink(`${directory}/${file}`)))) {
      return { pid: Number(name), command: commandOf(name) };
    }
  }
  return null;
}

function commandOf(pid: string): string {
  const words = readText(`/proc/${pid}/cmdline`)
    .split("\0")
    .filter((word) => word !== "");
  return words.join(" ").slice(0, COMMAND_LENGTH_MAX);
}

/** Processes end and files close while we look, and those of others may not be read: each is simply not the one. */
function readText(path: string): string {
  return orNothing(() => readFileSync(path, "utf8"), "");
}

function readNames(path: string): string[] {
  return orNothing(() => readdirSync(path), []);
}

function readLink(path: string): string {
  return orNothing(() => readlinkSync(path), "");
}

function orNothing<T>(read: () => T, nothing: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return nothing;
    throw error;
  }
}
