/**
 * Makes sure that a port is ours alone before uWebSockets.js listens on it. It sets SO_REUSEPORT, so a second server
 * would share the port without a word, and the two would split their clients.
 *
 *     1. an abstract Unix socket named after address and port: only one process can have it, and it goes with it
 *     2. a plain bind without SO_REUSEPORT: fails if anybody listens there, Holdfast or not; closed at once
 *     3. uWebSockets.js binds; the name of step 1 stays held until the process ends or gives it up
 *
 * A stranger can still take the port between 2 and 3; then uWebSockets.js fails to listen, and shares nothing.
 */
import { randomInt } from "node:crypto";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type ListenOptions, type Server } from "node:net";
import { findPortHolder, type PortHolder } from "./port-holder.js";

/** A port that this process has until it ends or releases it. */
export interface PortClaim {
  readonly kind: "port-claimed";
  readonly host: string;
  /** 1 to 65,535; the one that was chosen if 0 was asked for. */
  readonly port: number;
  /** Gives the port up; it has an effect once. Call it when nothing listens on the port any more. */
  release(): Promise<void>;
}

/** Somebody has the port. */
export interface PortInUse {
  readonly kind: "port-in-use";
  readonly host: string;
  readonly port: number;
  /** Null where the system does not tell. */
  readonly holder: PortHolder | null;
  readonly message: string;
}

/** The port cannot be had by this process at all: an address of another machine, a port below 1,024. */
export interface PortRefused {
  readonly kind: "port-refused";
  readonly host: string;
  readonly port: number;
  /** Node's code: EACCES, EADDRNOTAVAIL, ENOTFOUND and so on; ENOPORT when no free one was found. */
  readonly code: string;
  readonly message: string;
}

/** What a claim came to. */
export type PortOutcome = PortClaim | PortInUse | PortRefused;

/** Below Linux's ephemeral ports (32,768 to 60,999), so that no outgoing connection takes a free one from us. */
const FREE_MIN = 10_240;
const FREE_END = 32_768;
/** Of 22,528 ports the tries find a free one unless nearly all are taken. */
const FREE_TRIES_MAX = 64;

/**
 * Claims a TCP port for the life of the process.
 * @param host an address or name of this machine.
 * @param port 1 to 65,535, or 0 for any free one.
 */
export async function claimPort(host: string, port: number): Promise<PortOutcome> {
  const address = await addressOf(host);
  if (address.kind === "failed") return refused({ host, port }, address.code);
  if (port !== 0) return claimOne({ host, port, address: address.address });

  for (let tries = 0; tries < FREE_TRIES_MAX; tries += 1) {
    const outcome = await claimOne({ host, port: randomInt(FREE_MIN, FREE_END), address: address.address });
    if (outcome.kind !== "port-in-use") return outcome;
  }
  return refused({ host, port }, "ENOPORT");
}

interface Place {
  readonly host: string;
  readonly port: number;
}

type Bound = { readonly kind: "bound"; readonly server: Server } | { readonly kind: "failed"; readonly code: string };

async function claimOne(place: Place & { readonly address: string }): Promise<PortOutcome> {
  const { host, port, address } = place;
  const name = `holdfast:${address}:${port}`;
  const isLinux = process.platform === "linux";

  const guard: Bound | null = isLinux ? await bind({ path: `\0${name}` }) : null; // Others have no abstract sockets.
  if (guard?.kind === "failed") return failure(place, name, guard.code);

  const probe = await bind({ host: address, port, exclusive: true });
  if (probe.kind === "failed") {
    if (guard !== null) await close(guard.server);
    return failure(place, name, probe.code);
  }
  await close(probe.server);
  return { kind: "port-claimed", host, port, release: async () => releaseGuard(guard) };
}

async function releaseGuard(guard: Bound | null): Promise<void> {
  if (guard?.kind === "bound" && guard.server.listening) await close(guard.server);
}

function failure(place: Place, name: string, code: string): PortInUse | PortRefused {
  if (code !== "EADDRINUSE") return refused(place, code);
  const { host, port } = place;
  const holder = findPortHolder(port, name);
  const who =
    holder === null
      ? `a process that cannot be seen from here (as root: ss -ltnp 'sport = ${port}')`
      : `process ${holder.pid} (${holder.command})`;
  const message = `port ${port} of ${host} is in use by ${who}; stop it, or set another port`;
  return { kind: "port-in-use", host, port, holder, message };
}

function refused({ host, port }: Place, code: string): PortRefused {
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "this user may not use ports below 1024",
    EADDRNOTAVAIL: "this machine does not have that address",
    ENOTFOUND: "there is no host of that name",
    ENOPORT: `no free port was found from ${FREE_MIN} to ${FREE_END - 1}`,
  };
  const message = `port ${port} of ${host} cannot be had: ${reasons[code] ?? "the system refuses it"} (${code})`;
  return { kind: "port-refused", host, port, code, message };
}

type Address =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "failed"; readonly code: string };

/** "localhost" and "127.0.0.1" must come to one name for the guard. */
async function addressOf(host: string): Promise<Address> {
  try {
    const { address } = await lookup(host);
    return { kind: "address", address };
  } catch (error) {
    return { kind: "failed", code: codeOf(error) };
  }
}

async function bind(options: ListenOptions): Promise<Bound> {
  const server = createServer((socket) => socket.destroy()); // Nobody is served here: this is a claim, not a service.
  server.unref(); // A claim alone must not keep the process alive.
  try {
    server.listen(options);
    await once(server, "listening");
    return { kind: "bound", server };
  } catch (error) {
    return { kind: "failed", code: codeOf(error) };
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  throw error;
}
