/**
 * What a shard's primary does next to bring the shard where it should be. It goes by the configuration alone, so it can
 * be interrupted anywhere and another primary goes on:
 *
 *     name what is missing ─▶ (it comes in sync, R-13) ─▶ hand office over ─▶ let go what is too many
 */
import type { Configuration } from "../words/configuration.js";
import type { Goal } from "../words/goal.js";

/** The next change; `wait`: for replicas that are not in sync yet; `done`: the shard is where it should be. */
export type Move =
  | { readonly kind: "name"; readonly replicas: readonly string[] }
  | { readonly kind: "wait"; readonly for: readonly string[] }
  | { readonly kind: "hand-over"; readonly to: string }
  | { readonly kind: "let-go"; readonly replicas: readonly string[] }
  | { readonly kind: "done" };

/** Nothing leaves before everything that is to stay is in sync: a move never costs a copy. */
export function nextMove({ primary, inSync, replicas }: Configuration, goal: Goal): Move {
  const missing = goal.replicas.filter((replica) => !replicas.includes(replica));
  if (missing.length > 0) return { kind: "name", replicas: [...replicas, ...missing] };
  const behind = goal.replicas.filter((replica) => !inSync.includes(replica));
  if (behind.length > 0) return { kind: "wait", for: behind };
  if (primary !== goal.primary) return { kind: "hand-over", to: goal.primary };
  if (replicas.length > goal.replicas.length) return { kind: "let-go", replicas: goal.replicas };
  return { kind: "done" };
}
