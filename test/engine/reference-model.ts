/**
 * The lock rules once more, as plainly as they can be said: arrays and Maps, no rows, no log, no timers. It is for
 * reading: who doubts the engine compares it with this page, line by line. Ends within a turn come in no stated order.
 */

/** How long a waiter's session may be silent at most, in ms. */
const GRACE_MS = 10_000;

/** Who asks; `ttlMs` 0: somebody without a session. */
export interface ModelClient {
  readonly name: string;
  readonly principal: string;
  readonly ttlMs: number;
  /** Whether the shard knows the session. */
  isKnown: boolean;
  /** Whether the record of its session ended since it opened its path: nothing counts on that path any more. */
  isVoid: boolean;
  heardAt: number;
  /** What was answered to requests that had an effect, by id, with what the request was. */
  readonly outcomes: Map<number, { readonly request: string; readonly answer: string }>;
}

/** One claim: it waits, holds, or delays the next grant. */
export interface ModelClaim {
  readonly client: ModelClient;
  /** What asked for it. */
  readonly request: ModelRequest;
  /** Of the wait, the lease or the delay; Infinity: it ends with its session. */
  deadline: number;
  /** Set from outside, as the shard told it; 0 until then. */
  token: number;
  isRevoked: boolean;
  isForced: boolean;
  renewals: number;
}

/** A resource that somebody holds, waits for or delays; `permits` 0 is exclusive and shared use. */
export interface ModelResource {
  permits: number;
  holders: ModelClaim[];
  queue: ModelClaim[];
  delays: ModelClaim[];
}

/** A request; `token` is also the id of the wait that a cancel means. */
export interface ModelRequest {
  readonly op: "acquire" | "release" | "renew" | "check" | "cancel" | "revoke" | "force-release";
  readonly client: ModelClient;
  readonly id: number;
  readonly resource: string;
  readonly mode: "exclusive" | "shared" | "permit";
  readonly permits: number;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly delayMs: number;
  readonly token: number;
}

export class ReferenceModel {
  readonly resources: Map<string, ModelResource> = new Map();
  readonly #clients: readonly ModelClient[];
  #now = 0;
  /** What this turn told, in words: "name#id granted". */
  #told: string[] = [];

  constructor(clients: readonly ModelClient[]) {
    this.#clients = clients;
  }

  /** One turn: requests and controls first, then what has run out. Answers what it told. */
  turn(nowMs: number, requests: readonly ModelRequest[], controls: readonly (() => void)[]): string[] {
    this.#now = nowMs;
    this.#told = [];
    for (const request of requests) this.#ask(request);
    for (const control of controls) control();
    for (const resource of this.resources.values()) this.#runOut(resource);
    for (const client of this.#clients) this.#lookAt(client);
    for (const [name, { holders, queue, delays }] of this.resources) {
      if (holders.length + queue.length + delays.length === 0) this.resources.delete(name);
    }
    return this.#told;
  }

  #ask(request: ModelRequest): void {
    const { client, id } = request;
    if (client.isVoid) return this.#tell(client, id, "fault path-void");
    const resource = this.resources.get(request.resource) ?? { permits: 0, holders: [], queue: [], delays: [] };
    if (client.isKnown) client.heardAt = this.#now;
    const kept = client.outcomes.get(id);
    const wait = this.#waitOf(client, id);
    const known = kept?.request ?? (wait === undefined ? undefined : describe(wait.request));
    if (known !== undefined && known !== describe(request)) return this.#tell(client, id, "fault request-id-reused");
    if (wait !== undefined) return; // Sent again: it stands in its place.
    if (kept !== undefined) return this.#tell(client, id, kept.answer);
    this.resources.set(request.resource, resource);
    if (request.op === "acquire") this.#acquire(request, resource);
    else if (request.op === "cancel") this.#cancel(request);
    else if (request.op === "check")
      this.#tell(client, id, `checked ${resource.holders.length} ${resource.queue.length}`);
    else if (request.op === "revoke" || request.op === "force-release") this.#order(request, resource);
    else this.#touch(request, resource);
  }

  #waitOf(client: ModelClient, id: number): ModelClaim | undefined {
    const queues = [...this.resources.values()].flatMap(({ queue }) => queue);
    return queues.find((claim) => claim.client === client && claim.request.id === id);
  }

  #acquire(request: ModelRequest, resource: ModelResource): void {
    const { client, id, mode, waitMs } = request;
    const permits = mode === "permit" ? request.permits : 0;
    const isUsed = resource.holders.length + resource.queue.length > 0;
    if (isUsed && resource.permits !== permits) return this.#tell(client, id, "fault mode-in-use");
    const deadline = this.#now + waitMs;
    const claim = { client, request, deadline, token: 0, isRevoked: false, isForced: false, renewals: 0 };
    const isFree = resource.queue.length === 0 && !this.#isDelayed(resource, client) && fits(resource, mode, permits);
    if (!isFree && waitMs === 0)
      return this.#tell(client, id, `busy ${resource.holders.length} ${resource.queue.length}`);
    resource.permits = permits;
    this.#know(client);
    if (isFree) this.#grant(resource, claim);
    else resource.queue.push(claim);
  }

  #grant(resource: ModelResource, claim: ModelClaim): void {
    const { ttlMs } = claim.request;
    claim.deadline = ttlMs === 0 ? Number.POSITIVE_INFINITY : this.#now + ttlMs;
    resource.holders.push(claim);
    this.#answer(claim.request, "granted");
  }

  /** Release and renew. */
  #touch(request: ModelRequest, resource: ModelResource): void {
    const { client, id, op, token } = request;
    const claim = resource.holders.find((holder) => holder.token === token && token !== 0);
    if (claim === undefined || !isTheirs(claim, client)) return this.#tell(client, id, "not-held");
    if (op === "release") {
      resource.holders = resource.holders.filter((holder) => holder !== claim);
      this.#answer(request, "released");
      return this.#settle(resource);
    }
    if (claim.isRevoked) return this.#tell(client, id, "revoked");
    claim.renewals++;
    const ttlMs = request.ttlMs === 0 ? claim.request.ttlMs : request.ttlMs;
    claim.deadline = Math.max(claim.deadline, this.#now + ttlMs); // It never shortens; bound: it stays as it is.
    this.#answer(request, "renewed");
  }

  #cancel(request: ModelRequest): void {
    const { client, id, token: waitId } = request;
    if (client.ttlMs === 0) return this.#tell(client, id, "fault session-needs-path");
    const isMeant = (claim: ModelClaim): boolean => claim.client === client && claim.request.id === waitId;
    const resources = [...this.resources.values()]; // The id alone says which wait is meant.
    if (resources.some(({ holders }) => holders.some(isMeant))) return this.#tell(client, id, "already-granted");
    const resource = resources.find(({ queue }) => queue.some(isMeant));
    const wait = resource?.queue.find(isMeant);
    if (resource === undefined || wait === undefined) return this.#tell(client, id, "not-waiting");
    this.#endWait(resource, wait, "cancelled");
    this.#answer(request, "cancelled");
    this.#settle(resource);
  }

  /** Revoke and force-release: of one token, or (0) of all that hold now. */
  #order(request: ModelRequest, resource: ModelResource): void {
    const { client, id, op, token } = request;
    const isNews = (claim: ModelClaim): boolean => op === "force-release" || !claim.isRevoked;
    const chosen = resource.holders.filter((holder) => (token === 0 || holder.token === token) && isNews(holder));
    if (chosen.length > 0) this.#know(client);
    for (const claim of chosen) {
      if (op === "force-release") this.#end(resource, claim, "forced");
      else {
        claim.isRevoked = true;
        if (claim.deadline === Number.POSITIVE_INFINITY) claim.deadline = this.#now + claim.client.ttlMs;
        this.#push(claim, "revoked");
      }
    }
    if (chosen.length > 0) this.#answer(request, `done ${chosen.length}`);
    else this.#tell(client, id, `done ${chosen.length}`);
  }

  /** A holder's end that it did not ask for: its lock-delay begins, if it has one. */
  #end(resource: ModelResource, claim: ModelClaim, cause: "expired" | "forced" | "session-ended"): void {
    resource.holders = resource.holders.filter((holder) => holder !== claim);
    this.#push(claim, cause);
    claim.isForced = cause === "forced";
    claim.deadline = this.#now + claim.request.delayMs;
    if (claim.request.delayMs > 0) resource.delays.push(claim);
    this.#settle(resource);
  }

  #endWait(resource: ModelResource, claim: ModelClaim, how: "timed-out" | "cancelled" | "abandoned"): void {
    resource.queue = resource.queue.filter((waiter) => waiter !== claim);
    this.#answer(claim.request, how);
  }

  /** Grants whose turn it is: the head of the queue, as long as it fits and its session is alive (INV-6, R-17). */
  #settle(resource: ModelResource): void {
    for (let head = resource.queue[0]; head !== undefined; head = resource.queue[0]) {
      if (head.deadline <= this.#now) this.#endWait(resource, head, "timed-out");
      else if (this.#isDelayed(resource, head.client) || !fits(resource, head.request.mode, resource.permits)) return;
      else if (this.#now >= head.client.heardAt + graceOf(head.client)) this.#endWait(resource, head, "abandoned");
      else this.#grant(resource, resource.queue.shift() ?? head);
    }
  }

  /** A delay blocks all, but the session of the only one pending, unless it was forced. */
  #isDelayed(resource: ModelResource, client: ModelClient): boolean {
    const [first, second] = resource.delays;
    const isExempt = first?.client === client && second === undefined && client.ttlMs > 0 && !first.isForced;
    return first !== undefined && !isExempt;
  }

  /** Leases, waits and delays whose deadline has come. */
  #runOut(resource: ModelResource): void {
    for (const claim of resource.holders.filter(({ deadline }) => deadline <= this.#now))
      this.#end(resource, claim, "expired");
    const waits = resource.queue.filter(({ deadline }) => deadline <= this.#now);
    for (const claim of waits) if (resource.queue.includes(claim)) this.#endWait(resource, claim, "timed-out");
    resource.delays = resource.delays.filter(({ deadline }) => deadline > this.#now);
    this.#settle(resource);
  }

  /** A session that is silent for its TTL ends here; for its grace, its waits do. */
  #lookAt(client: ModelClient): void {
    if (!client.isKnown || client.ttlMs === 0) return;
    const isOver = this.#now >= client.heardAt + client.ttlMs;
    if (!isOver && this.#now < client.heardAt + graceOf(client)) return;
    for (const resource of this.resources.values()) {
      for (const wait of resource.queue.filter((claim) => claim.client === client))
        this.#endWait(resource, wait, "abandoned");
    }
    for (const resource of this.resources.values()) {
      const bound = resource.holders.filter(
        (claim) => claim.client === client && claim.deadline === Number.POSITIVE_INFINITY,
      );
      if (isOver) for (const claim of bound) this.#end(resource, claim, "session-ended");
      this.#settle(resource);
    }
    if (!isOver) return;
    this.#told.push(`${client.name} session-ended`);
    this.#forget(client);
  }

  /** Closed by its client: all waits are cancelled, all that it holds is released. */
  close(client: ModelClient): void {
    if (!client.isKnown) return;
    for (const resource of this.resources.values()) {
      for (const wait of resource.queue.filter((claim) => claim.client === client))
        this.#endWait(resource, wait, "cancelled");
      resource.holders = resource.holders.filter((claim) => claim.client !== client);
    }
    this.#forget(client);
    for (const resource of this.resources.values()) this.#settle(resource);
  }

  #forget(client: ModelClient): void {
    client.isKnown = false;
    client.isVoid = true;
    client.outcomes.clear();
  }
  #know(client: ModelClient): void {
    if (!client.isKnown) client.heardAt = this.#now;
    client.isKnown = true;
  }

  /** Answers what had an effect: kept until the session's record ends. */
  #answer(request: ModelRequest, answer: string): void {
    const { client, id } = request;
    if (client.ttlMs > 0 && client.isKnown) client.outcomes.set(id, { request: describe(request), answer });
    this.#tell(client, id, answer);
  }
  #tell(client: ModelClient, id: number, answer: string): void {
    this.#told.push(`${client.name}#${id} ${answer}`);
  }
  /** Pushes go to sessions that are alive. */
  #push({ client, request }: ModelClaim, cause: string): void {
    if (client.isKnown && client.ttlMs > 0) this.#told.push(`${client.name} claim-ended #${request.id} ${cause}`);
  }
}

function graceOf(client: ModelClient): number {
  return Math.min(GRACE_MS, client.ttlMs);
}

/** A session's claim is its own; one without a session is its principal's (INV-8). */
function isTheirs(claim: ModelClaim, client: ModelClient): boolean {
  return claim.client === client || (claim.client.ttlMs === 0 && claim.client.principal === client.principal);
}

/** Whether those who hold leave room for one more (INV-1). */
function fits({ holders }: ModelResource, mode: ModelRequest["mode"], permits: number): boolean {
  if (mode === "permit") return holders.length < permits;
  return holders.length === 0 || (mode === "shared" && holders.every(({ request }) => request.mode === "shared"));
}

/** The content of a request: another one under its id is refused. */
function describe({ op, resource, mode, permits, ttlMs, waitMs, delayMs, token }: ModelRequest): string {
  return JSON.stringify([op, resource, mode, permits, ttlMs, waitMs, delayMs, token]);
}
