/**
 * Who uses a client: asks for a resource, holds it for a while, gives it back, and now and then does something else. It
 * draws from dice of its own, and each thing that it does is a decision that shrinking can leave out.
 */
import type { Outcome } from "../../../src/client/session-words.js";
import { KIND_CHECK, KIND_FORCE_RELEASE, KIND_REVOKE } from "../../../src/words/kinds.js";
import { MODE_PERMIT } from "../../../src/words/mode.js";
import type { Books } from "../books.js";
import type { World } from "../world/world.js";
import type { SimulatedClient } from "./client.js";
import { resourceNames, resourceShard } from "./resources.js";
import type { RunSettings } from "./settings.js";

const RETRY_US = 200_000;

/** What a user is made of. */
export interface UserParts {
  readonly world: World;
  readonly books: Books;
  readonly settings: RunSettings;
  readonly client: SimulatedClient;
  readonly cluster: string;
  readonly name: string;
}

interface Wish {
  readonly resource: string;
  readonly shard: number;
  readonly mode: number;
  readonly permits: number;
  readonly ttlMs: number;
  readonly waitMs: number;
}

export class User {
  readonly #parts: UserParts;
  readonly #random;
  readonly #resources: readonly string[];
  /** The session in which its calls were made. */
  #life = 0;
  #holds = 0;
  /** No new wish from now on; what it holds it gives back, unless it keeps it. */
  isRetired = false;

  constructor(parts: UserParts) {
    this.#parts = parts;
    this.#random = parts.world.random(parts.name);
    this.#resources = resourceNames(parts.cluster, parts.settings.users.resources);
    this.begin();
  }

  /** Whether it holds something and will not give it back. */
  get holds(): number {
    return this.#holds;
  }

  /** Gives back what it has kept, and wants nothing more. */
  giveUp(): void {
    this.isRetired = true;
    if (this.#holds !== 0 && this.#isSame()) this.#release(this.#holds);
  }

  #think(): void {
    const { users } = this.#parts.settings;
    const everyUs = (1_000_000 * users.usersPerClient) / users.wishesPerSecond;
    this.#later(Math.ceil(everyUs * (0.2 + 1.6 * this.#random.unit())), () => this.#act());
  }

  /** Its process must be awake for whatever it does. */
  #later(us: number, act: () => void): void {
    const { world, client } = this.#parts;
    const { life } = client.machine;
    world.in(us, () => {
      if (client.machine.life === life) client.machine.whenAwake(act);
    });
  }

  /** The client's process was started anew: a new user begins. */
  begin(): void {
    this.#holds = 0;
    if (!this.isRetired) this.#think();
  }

  #act(): void {
    if (this.isRetired) return;
    const { world, settings, client, name } = this.#parts;
    if (!client.isOpen) return this.#later(RETRY_US, () => this.#act());
    const random = this.#random;
    this.#life = client.life;
    const { users } = settings;
    if (world.decide(`${name}/close`, random.chance(users.close))) {
      world.sometimes("session closed by its user", true);
      return client.close(() => this.#think());
    }
    const wish = this.#wish();
    if (world.decide(`${name}/reconnect`, random.chance(users.reconnect))) client.reconnect();
    if (world.decide(`${name}/revoke`, random.chance(users.revoke))) this.#order(wish, KIND_REVOKE);
    if (world.decide(`${name}/force`, random.chance(users.forceRelease))) this.#order(wish, KIND_FORCE_RELEASE);
    if (world.decide(`${name}/check`, random.chance(users.check))) {
      const { shard, resource } = wish;
      client.outcome(client.session.ask({ kind: KIND_CHECK, shard, resource, tail: [] }, client.now), () => undefined);
    }
    if (!world.decide(`${name}/acquire`, true)) return this.#think();
    this.#acquire(wish);
  }

  #wish(): Wish {
    const { settings } = this.#parts;
    const random = this.#random;
    const { users, shards } = settings;
    // Low numbers are fought for; the use of a resource must not change, so its number says its mode.
    const index = Math.min(random.below(users.resources), random.below(users.resources));
    const resource = this.#resources[index] ?? "";
    const isPermit = users.permits > 0 && index % 3 === 2;
    const mode = isPermit ? MODE_PERMIT : random.pick(users.modes);
    return {
      resource,
      shard: resourceShard(resource, shards),
      mode,
      permits: isPermit ? users.permits : 0,
      ttlMs: random.pick(users.ttlMs),
      waitMs: random.pick(users.waitMs),
    };
  }

  #acquire(wish: Wish): void {
    const { client, settings, world, name } = this.#parts;
    const random = this.#random;
    const lockDelayMs = random.pick(settings.users.lockDelayMs);
    const asked = { ...wish, lockDelayMs, metadata: random.chance(0.1) ? "job 7" : "", autoRenew: random.chance(0.7) };
    const call = client.session.acquire(asked, client.now);
    let isOver = false;
    client.outcome(call, (outcome) => {
      isOver = true;
      this.#acquired(wish, outcome);
    });
    if (wish.waitMs === 0) return;
    const askUs = random.below(wish.waitMs * 1_000);
    if (world.decide(`${name}/position`, random.chance(settings.users.position))) {
      this.#later(askUs, () => {
        if (!isOver && this.#isSame()) client.outcome(client.session.position(call, client.now), () => undefined);
      });
    }
    if (world.decide(`${name}/abandon`, random.chance(settings.users.abandon))) {
      this.#later(askUs, () => {
        if (isOver || !this.#isSame()) return;
        client.abandon(call);
        world.sometimes("wait given up by its user", true);
        this.#think();
      });
    }
  }

  #acquired(wish: Wish, outcome: Outcome): void {
    const { client, settings, world, name } = this.#parts;
    const random = this.#random;
    world.sometimes(`acquire ends ${outcome.kind === "answered" ? outcome.answer.kind : outcome.kind}`, true);
    if (outcome.kind !== "granted") return this.#think();
    const { claim, token } = outcome;
    const { resource, mode, permits } = wish;
    client.give(claim, { resource, mode, permits, token });
    if (world.decide(`${name}/renew`, random.chance(settings.users.renew))) {
      this.#later(random.longTail(settings.users.holdMsMedian * 500, 30_000_000), () => {
        if (!this.#isSame()) return;
        const ttls = settings.users.ttlMs.filter((ms) => ms > 0);
        const ttlMs = wish.ttlMs > 0 && random.chance(0.7) ? random.pick(ttls) : undefined;
        client.outcome(client.session.renew(claim, ttlMs, client.now), () => undefined);
      });
    }
    this.#holds = claim;
    const isKept = world.decide(`${name}/keep`, random.chance(settings.users.keep));
    if (isKept && this.isRetired) return;
    const holdUs = random.longTail(settings.users.holdMsMedian * 1_000, isKept ? 60_000_000 : 10_000_000);
    this.#later(isKept ? holdUs * 5 : holdUs, () => this.#release(claim));
  }

  #release(claim: number): void {
    const { client } = this.#parts;
    this.#holds = 0;
    if (!this.#isSame()) return this.#think();
    const call = client.session.release(claim, client.now); // Belief ends here: the books go on asking.
    if (call === 0) return this.#think();
    client.outcome(call, () => {
      client.take(claim);
      this.#think();
    });
  }

  /** An admin's order at whoever has it. */
  #order({ resource, shard }: Wish, kind: number): void {
    const { client, books } = this.#parts;
    books.ordered(resource);
    client.outcome(client.session.ask({ kind, shard, resource, tail: [0, "by order"] }, client.now), () => undefined);
  }

  #isSame(): boolean {
    const { client } = this.#parts;
    return client.isOpen && client.life === this.#life;
  }
}
