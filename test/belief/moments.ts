/**
 * What happens to a client process at a moment: it is stopped, computes, has clocks that jump, or a wire that misbehaves.
 * Each lasts for a part of a TTL or for several, and is over when the promise is.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../tables/random.js";
import type { FakeClock } from "./fake-clock.js";
import type { Wire } from "./wire.js";

type WireMoment = "held-up" | "delivered-late" | "repeated" | "played-anew";

/** The kinds of moments. */
export type MomentKind =
  | "stopped"
  | "busy"
  | "stopped-while-busy"
  | "wall-ahead"
  | "wall-back"
  | "suspended"
  | WireMoment;

/** The client process that it happens to. */
export interface Victim {
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  beBusy(ms: number): void;
  readonly wire: Wire;
  readonly clock: FakeClock | undefined;
}

/** How long, in TTLs. */
const SHORTEST = 0.2;
const LONGEST = 3;
const WALL_JUMP_MS_MAX = 3_600_000;

/** Does it. */
export async function happen(kind: MomentKind, victim: Victim, random: Random, ttlMs: number): Promise<void> {
  const ms = Math.round(ttlMs * (SHORTEST + (random.below(1_000) / 1_000) * (LONGEST - SHORTEST)));
  const { wire, clock } = victim;
  switch (kind) {
    case "stopped":
      await stop(victim, ms);
      break;
    case "busy":
      victim.beBusy(ms);
      await delay(ms);
      break;
    case "stopped-while-busy":
      victim.beBusy(ms);
      await delay(random.below(ms));
      await stop(victim, ms);
      break;
    case "wall-ahead":
    case "wall-back": {
      const jumpMs = random.below(2) === 0 ? random.below(2 * ttlMs) : random.below(WALL_JUMP_MS_MAX);
      clock?.set(kind === "wall-ahead" ? jumpMs : -jumpMs);
      await stop(victim, ms); // Stopped as well: a jump must not hide how long that was.
      clock?.set(0);
      break;
    }
    case "suspended": // Its clocks stand for as long as it is stopped, and never catch up.
      clock?.fallBehind(ms);
      await stop(victim, ms);
      break;
    case "held-up":
    case "delivered-late":
    case "repeated":
    case "played-anew":
      await misbehave(kind, wire, random, ms);
  }
}

async function misbehave(kind: WireMoment, wire: Wire, random: Random, ms: number): Promise<void> {
  switch (kind) {
    case "held-up":
      wire.hold(...random.pick([["there"], ["back"], ["there", "back"]] as const));
      await delay(ms);
      wire.deliver();
      break;
    case "delivered-late":
      wire.hold("there");
      await delay(random.below(ms));
      wire.breakNear();
      wire.hold("back");
      await delay(random.below(ms));
      wire.deliver();
      break;
    case "repeated":
      wire.repeat(true);
      await delay(ms);
      wire.repeat(false);
      break;
    case "played-anew":
      wire.playAnew();
      await delay(ms);
  }
}

async function stop(victim: Victim, ms: number): Promise<void> {
  victim.signal("SIGSTOP");
  await delay(ms);
  victim.signal("SIGCONT");
}
