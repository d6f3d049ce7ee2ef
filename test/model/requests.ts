/** What clients ask of a primary, how its actor decides on the tiny lock, and when the answer leaves. */
import { lockAt, entryOf } from "./contents.js";
import { endOf } from "../../src/replication/chain.js";
import { isSame } from "../../src/replication/entry.js";
import type { Turn } from "./under-way.js";
import { Broken, type Client, type Reply, type World } from "./world.js";

/** A client's question, or the end of a lease, for which the actor itself sees. */
export interface Request {
  readonly kind: "acquire" | "release" | "check" | "expire";
  readonly client: number;
}

/** The actor in office executes it: an entry, or an answer that needs none. */
export function execute(world: World, now: Turn, { kind, client }: Request): void {
  const { replica, round } = now;
  if (!replica.isServing || replica.state.configuration === null) return;
  const { epoch, era } = replica.state.configuration;
  const head = endOf(replica.state);
  const lock = lockAt(head, era);
  const token = world.clients[client]?.token ?? 0;
  const { committed } = replica.state;
  const produce = (act: "granted" | "released" | "expired", of: number): typeof head => {
    const entry = entryOf({ epoch, era, previous: head, committed }, { kind: act, client: of });
    replica.step({ kind: "produced", entry });
    return entry.position;
  };
  const served = world.books.served.reduce((most, one) => Math.max(most, one.epoch), 0);
  const reply = (what: Reply["kind"], at: typeof head): void => {
    const granted = what === "granted" ? at.lsn : token;
    now.replies.push({
      client,
      kind: what,
      token: granted,
      head: at,
      round,
      epoch,
      served,
      answered: world.books.token,
    });
  };
  if (kind === "expire") {
    if (lock.holder >= 0) produce("expired", lock.holder);
    return;
  }
  if (kind === "check") reply(lock.holder < 0 ? "free" : "held", head);
  else if (kind === "acquire" && lock.holder >= 0) reply("busy", head);
  else if (kind === "acquire") reply("granted", produce("granted", client));
  else if (lock.holder === client && lock.token === token) reply("released", produce("released", client));
  else reply("not-held", head);
}

/** Lets go the answers that may leave, and judges each. */
export function answer(world: World, now: Turn): World {
  let next = world;
  const kept: Reply[] = [];
  for (const reply of now.replies) {
    if (!now.replica.mayAnswer(reply.head.lsn, reply.round)) kept.push(reply);
    else next = answered(next, reply);
  }
  now.replies = kept;
  return next;
}

function answered(world: World, reply: Reply): World {
  const { books, clients } = world;
  const { client, kind, token } = reply;
  if (reply.served > reply.epoch) {
    throw new Broken(
      `INV-5: "${kind}" is answered in epoch ${reply.epoch}; ${reply.served} had served when it was read`,
    );
  }
  if (reply.head.lsn > 0 && !books.committed.some((position) => isSame(position, reply.head))) {
    throw new Broken(`INV-3: "${kind}" is answered, and what it rests on is not committed`);
  }
  if (kind === "not-held" && token > books.ended)
    throw new Broken(`INV-3: client ${client} is told that it does not hold what it was granted`);
  if (kind === "granted") {
    if (token > books.ended && clients.some((other, index) => index !== client && other.token > 0)) {
      throw new Broken(`INV-1: client ${client} is granted while the other holds`);
    }
    if (token <= reply.answered) throw new Broken(`INV-2: token ${token} after ${reply.answered}`);
  }
  const told: Client = {
    isWaiting: false,
    token: kind === "granted" && token > books.ended ? token : 0,
    hasAsked: true,
  };
  const largest = kind === "granted" ? Math.max(token, books.token) : books.token;
  return {
    ...world,
    books: { ...books, token: largest },
    clients: clients.map((other, index) => (index === client && kind !== "free" && kind !== "held" ? told : other)),
  };
}
