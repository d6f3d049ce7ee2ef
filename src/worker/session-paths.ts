/**
 * The paths of sessions on this worker: opened, kept alive and closed by their connections, and voided where a newer one
 * is opened. What is meant for another worker is sent on; the rest goes to every shard with the next turn.
 */
import { createHash } from "node:crypto";
import type { FaultCode } from "../words/faults.js";
import { KIND_DONE, KIND_IN_USE_ELSEWHERE, KIND_OPENED } from "../words/kinds.js";
import type { Limits } from "../words/limits.js";
import type { Where } from "../protocol/decode-requests.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import type { OpenedPath } from "../shard/control.js";
import type { Paths } from "../tables/paths.js";
import type { Connection, Connections } from "./connections.js";
import type { Forwarding } from "./forwarding.js";
import { type OpenSession, readFields, readKeepAlive, readOpen, type WelcomeFacts } from "./handshake.js";
import type { TurnLoop } from "./turn.js";

/** What sessions' paths are opened in. */
export interface SessionPathsParts {
  readonly paths: Paths;
  readonly connections: Connections;
  readonly loop: TurnLoop;
  readonly forwarding: Forwarding;
  readonly where: Where;
  readonly limits: Limits;
  readonly facts: WelcomeFacts;
}

const OPEN_FORM = "OPEN is [3, id, worker, [[key, ttlMs, through?, ranges?], …]], a key of 16 bytes";
const encoder = new TextEncoder();

/** Opens, keeps and closes sessions' paths. Bad input is answered by a fault. */
export class SessionPaths {
  readonly #parts: SessionPathsParts;

  constructor(parts: SessionPathsParts) {
    this.#parts = parts;
  }

  /** OPEN: a path for each of the sessions; its shards tell the rest. */
  open(connection: Connection, id: number, message: Uint8Array): void {
    const { where, paths, connections, loop } = this.#parts;
    const asked = readOpen(message);
    if (asked === undefined) return this.#refuse(connection, id, "malformed", OPEN_FORM);
    if (asked.worker !== where.worker) {
      if (asked.worker >= this.#parts.facts.map.workers.length) {
        return this.#refuse(connection, id, "malformed", `there is no worker ${asked.worker} in the cluster map`);
      }
      return this.#parts.forwarding.requests(connection, asked.worker, message, false);
    }
    const wrong = this.#openFault(asked.sessions, connection);
    if (wrong !== undefined) return this.#refuse(connection, id, wrong.code, wrong.message);
    const opened: OpenedPath[] = [];
    for (const session of asked.sessions) {
      opened.push({ path: this.#openPath(connection, session), seen: session.seen });
    }
    if (opened.some(({ path }) => path === 0)) {
      return this.#refuse(connection, id, "too-many-sessions", "this worker has as many sessions as it has room for");
    }
    const writer = connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(3, KIND_OPENED);
    writer.integer(id);
    writer.array(opened.length);
    for (const { path } of opened) writer.integer(paths.serial(path));
    loop.addControl({ kind: "open", id, path: connection.bare, serial: paths.serial(connection.bare), opened });
  }

  #openFault(
    sessions: readonly OpenSession[],
    connection: Connection,
  ): { code: FaultCode; message: string } | undefined {
    const { limits } = this.#parts;
    if (connection.sessions + sessions.length > limits.sessionsPerConnectionMax) {
      return {
        code: "too-many-sessions",
        message: `a connection has at most ${limits.sessionsPerConnectionMax} sessions; open another`,
      };
    }
    if (new Set(sessions.map(({ key }) => Buffer.from(key).toString("hex"))).size < sessions.length) {
      return { code: "malformed", message: "a session stands twice in one OPEN" };
    }
    const wrong = sessions.find(
      ({ ttlMs }) => !(ttlMs >= limits.ttlMinMs && ttlMs <= limits.ttlMaxMs && Number.isInteger(ttlMs)),
    );
    if (wrong === undefined) return undefined;
    const bounds = `ask for ${limits.ttlMinMs} to ${limits.ttlMaxMs}`;
    return { code: "ttl-out-of-range", message: `the session's ttl is ${wrong.ttlMs} ms; ${bounds}` };
  }

  /** Opens a session's path here, and voids its older one. */
  #openPath(connection: Connection, session: OpenSession): number {
    const { paths } = this.#parts;
    const principal = paths.copyPrincipal(connection.bare);
    const older = paths.findSession(session.key, principal);
    if (older !== 0) this.#void(older, connection);
    const digest = createHash("sha256").update(session.key).digest();
    const path = paths.open({
      key: session.key,
      ttlMs: session.ttlMs,
      publicId: [digest.readUInt32BE(0), digest.readUInt32BE(4)],
      principal,
      address: encoder.encode(connection.address),
      connection: connection.slot,
    });
    if (path !== 0) connection.sessions++;
    return path;
  }

  #void(path: number, by: Connection): void {
    const { paths, connections, loop } = this.#parts;
    const connection = connections.get(paths.connection(path));
    if (connection !== undefined) {
      connection.sessions--;
      if (connection !== by) {
        const writer = connections.writerOf(connection);
        encodeGroup(writer, 0);
        writer.message(2, KIND_IN_USE_ELSEWHERE);
        writer.integer(paths.serial(path));
      }
    }
    paths.forget(path);
    loop.retire(path);
  }

  /** KEEPALIVE of some paths of this principal, whichever connection they are on. */
  keepAlive(connection: Connection, id: number, message: Uint8Array): void {
    const { where, paths, loop } = this.#parts;
    const asked = readKeepAlive(message);
    if (asked === undefined) return this.#refuse(connection, id, "malformed", "KEEPALIVE is [4, id, count, [path, …]]");
    const [first] = asked.paths;
    const worker = first === undefined ? where.worker : where.workerOfPath(first);
    const isElsewhere = worker >= 0 && worker !== where.worker;
    if (isElsewhere) return this.#parts.forwarding.requests(connection, worker, message, false);
    const named = new Set(asked.paths); // Each once, or a frame could fill the memory.
    const known = [...named].map((number) => paths.rowOf(number));
    const rows = known.filter((row) => row !== 0 && paths.samePrincipal(row, connection.bare));
    const { bare } = connection;
    loop.addControl({
      kind: "keepalive",
      id,
      count: asked.count,
      path: bare,
      serial: paths.serial(bare),
      paths: rows,
      parts: loop.newParts(),
    });
  }

  /** CLOSE: the session ends in the shards of this worker. */
  close(connection: Connection, id: number, message: Uint8Array): void {
    const { where, paths, loop, connections } = this.#parts;
    const [number] = readFields(message);
    if (typeof number !== "number") return this.#refuse(connection, id, "malformed", "CLOSE is [5, id, path]");
    const worker = where.workerOfPath(number);
    const isElsewhere = worker >= 0 && worker !== where.worker;
    if (isElsewhere) return this.#parts.forwarding.requests(connection, worker, message, false);
    const closing = paths.rowOf(number);
    if (closing === 0 || paths.connection(closing) !== connection.slot) {
      const writer = connections.writerOf(connection);
      encodeGroup(writer, 0);
      writer.message(3, KIND_DONE);
      writer.integer(id);
      writer.integer(0);
      return;
    }
    connection.sessions--;
    const { bare } = connection;
    loop.addControl({ kind: "close", id, path: bare, serial: paths.serial(bare), closing, parts: loop.newParts() });
    paths.forget(closing);
    loop.retire(closing);
  }

  #refuse(connection: Connection, id: number, code: FaultCode, message: string): void {
    encodeFault(this.#parts.connections.writerOf(connection), 0, id, code, message);
  }
}
