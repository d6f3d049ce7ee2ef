/** Does the faults of a plan to a cluster and its clients, and undoes each when its time is over. */
import { setTimeout as delay } from "node:timers/promises";
import type { ChaosCluster } from "./nodes.js";
import type { Fault } from "./plan.js";

/** A client process, by name. */
export type SignalClient = (name: string, signal: "SIGSTOP" | "SIGCONT") => void;

/** Does all of them, each at its time from now. @returns those that were done, with their true times */
export async function doFaults(
  cluster: ChaosCluster,
  plan: readonly Fault[],
  signal: SignalClient,
): Promise<readonly Fault[]> {
  const beganMs = performance.now();
  const nowMs = (): number => performance.now() - beganMs;
  return Promise.all(
    plan.map(async (fault) => {
      await delay(fault.fromMs - nowMs());
      const fromMs = nowMs();
      const undo = await begin(cluster, fault, signal);
      await delay(Math.max(0, fault.toMs - nowMs()));
      await undo();
      return { ...fault, fromMs, toMs: nowMs() };
    }),
  );
}

type Undo = () => Promise<void> | void;

async function begin(cluster: ChaosCluster, fault: Fault, signal: SignalClient): Promise<Undo> {
  const { sky } = cluster;
  const { target } = fault;
  switch (fault.kind) {
    case "kill":
    case "restart":
      await cluster.end(target, fault.kind === "kill" ? "kill" : "stop");
      return () => cluster.startNode(target);
    case "pause": {
      const send = target.startsWith("client-") ? signal : cluster.signal.bind(cluster);
      send(target, "SIGSTOP");
      return () => send(target, "SIGCONT");
    }
    case "one-way":
      sky.change(target, fault.to, { isHeld: true });
      return () => sky.change(target, fault.to, { isHeld: false });
    case "partition":
      return between([[target, fault.to]], (from, to, isOn) => sky.change(from, to, { isHeld: isOn }));
    case "isolate": {
      const others = [...cluster.nodes.filter((name) => name !== target), ...cluster.etcds];
      const links = others.map((other) => [target, other] as const);
      return between(links, (from, to, isOn) => sky.change(from, to, { isHeld: isOn }));
    }
    case "cut":
      return between([[target, fault.to]], (from, to, isOn) => sky.change(from, to, { isCut: isOn }));
    case "slow":
      return between([[target, fault.to]], (from, to, isOn) =>
        sky.change(from, to, isOn ? SLOW : { delayMs: 0, throttle: Number.POSITIVE_INFINITY, isSplit: false }),
      );
  }
}

const SLOW = { delayMs: 30, throttle: 200_000, isSplit: true };

function between(
  links: readonly (readonly [string, string])[],
  change: (from: string, to: string, isOn: boolean) => void,
): Undo {
  const both = (isOn: boolean): void => {
    for (const [one, other] of links) {
      change(one, other, isOn);
      change(other, one, isOn);
    }
  };
  both(true);
  return () => both(false);
}
