/**
 * How a simulated client of a cluster learns that shards are elsewhere when the worker that it speaks with does not know, or
 * is gone: now and then it greets any worker and reads the map of its welcome.
 */
import { decodeFrame, encodeFrame } from "../../../src/protocol/client-codec.js";
import type { Welcome } from "../../../src/protocol/server-messages.js";
import { KIND_HELLO, PROTOCOL_VERSION } from "../../../src/words/kinds.js";
import type { Machine } from "../world/machine.js";
import type { Network } from "../world/network.js";
import type { Random } from "../world/random.js";

const PROBE_US = 1_000_000;

/** Who asks, and whom. */
export interface MapProbe {
  readonly network: Network;
  readonly machine: Machine;
  readonly random: Random;
  readonly name: string;
  readonly workers: readonly { readonly address: string; readonly host: string }[];
  /** Whether the client's session of that time has ended. */
  readonly isOver: () => boolean;
  readonly told: (map: Welcome["map"]) => void;
}

/** Asks again and again, until it is over. */
export function probeMaps(probe: MapProbe): void {
  const { network, machine, random, name, workers, isOver, told } = probe;
  machine.setTimer(PROBE_US, () => {
    if (isOver()) return;
    const end = network.connect(machine, random.pick(workers), {
      opened: () => {
        end.send(encodeFrame([[KIND_HELLO, { version: PROTOCOL_VERSION, client: name }]]));
      },
      message: (bytes) => {
        end.close();
        const welcome = decodeFrame(bytes).find((message) => message.kind === "welcome");
        if (welcome !== undefined && !isOver()) told(welcome.map);
      },
      closed: () => undefined,
    });
    probeMaps(probe);
  });
}
