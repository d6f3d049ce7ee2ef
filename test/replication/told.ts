/** Clusters that tests begin with, and what was said in them. */
import assert from "node:assert/strict";
import type { Configuration } from "../../src/words/configuration.js";
import type { Said } from "../../src/replication/messages.js";
import type { ReplicationSettings } from "../../src/replication/settings.js";
import { Cluster } from "./cluster-driver.js";

/** Three replicas, `a` in office, and nothing logged yet. */
export function inOffice(
  settings: Partial<ReplicationSettings> = {},
  configuration: Partial<Configuration> = {},
): Cluster {
  const cluster = new Cluster(configuration, settings);
  cluster.heal();
  cluster.runUntil(() => cluster.primary === "a");
  cluster.run(500);
  return cluster;
}

/** Everything of one kind that a replica says from now on. */
export function saidBy<Kind extends Said["kind"]>(
  cluster: Cluster,
  name: string,
  kind: Kind,
): Extract<Said, { kind: Kind }>[] {
  const said: Extract<Said, { kind: Kind }>[] = [];
  const before = cluster.onTurn;
  cluster.onTurn = (member, outputs) => {
    before(member, outputs);
    if (member.name !== name) return;
    for (const message of outputs.messages) if (isOf(message, kind)) said.push(message);
  };
  return said;
}

function isOf<Kind extends Said["kind"]>(said: Said, kind: Kind): said is Extract<Said, { kind: Kind }> {
  return said.kind === kind;
}

/** The reasons of its refusals from now on. */
export function refusalsFrom(cluster: Cluster, name: string): string[] {
  const reasons: string[] = [];
  const before = cluster.onTurn;
  cluster.onTurn = (member, outputs) => {
    before(member, outputs);
    for (const message of outputs.messages) {
      if (member.name === name && message.kind === "refuse") reasons.push(message.reason);
    }
  };
  return reasons;
}

/** Members of the set that stands in the control plane, in order of name. */
export function inSync(cluster: Cluster): string {
  return [...cluster.control.configuration.inSync].sort().join("");
}

/** The kinds of what a replica has reported. */
export function reported(cluster: Cluster, name: string): readonly string[] {
  return cluster.member(name).reports.map(({ kind }) => kind);
}

/** The one frame that goes from one to the other with the next turn. */
export function turnAndDeliver(cluster: Cluster, from: string, to: string, made = 0): void {
  cluster.turn(from, made);
  assert.ok(cluster.deliver(from, to), `${from} has said nothing to ${to}`);
}
