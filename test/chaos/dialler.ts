/** Which process is at the other end of a connection on this machine, by what the kernel lists under /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Socket } from "node:net";

/** The name of the process that has dialled; undefined if it is none of these, or gone. */
export function diallerOf(socket: Socket, processes: ReadonlyMap<number, string>): string | undefined {
  const { remotePort, localPort } = socket;
  if (remotePort === undefined || localPort === undefined) return undefined;
  const inode = inodeOf(remotePort, localPort);
  if (inode === undefined) return undefined;
  for (const [pid, name] of processes) if (hasSocket(pid, inode)) return name;
  return undefined;
}

/** The socket whose own port and whose peer's port these are. Ports stand in hexadecimal, behind the address. */
function inodeOf(ownPort: number, peerPort: number): string | undefined {
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (portOf(fields[1]) === ownPort && portOf(fields[2]) === peerPort) return fields[9];
  }
  return undefined;
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(":")[1] ?? "", 16);
}

function hasSocket(pid: number, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false; // The process has ended.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed since it was listed.
  }
}
