/** What faults and the cluster need of a node, be it a place of its own or a member with replicas elsewhere. */
import type { Disk } from "../world/disk.js";
import type { Machine } from "../world/machine.js";

export interface NodeInCast {
  readonly name: string;
  readonly machine: Machine;
  readonly disks: readonly Disk[];
  readonly addresses: readonly string[];
  readonly turnsSoFar: number;
  readonly restarts: number;
  /** Whether something that was handed to a disk has not come back; for healing. */
  readonly isStuck: boolean;
  start(): void;
  /** The process is gone at this instant; `losesPower`: the whole machine. */
  kill(losesPower: boolean): void;
  /** Starts the process after a while, unless somebody else has. */
  startLater(medianUs: number): void;
}
