/**
 * The paths of one client at the thread that keeps alive while its loop can't: which are open now, what the thread
 * was answered for them, and that this loop lives.
 */
import { sentAtMs } from "./keep-alive-words.js";
import { type Seat, takeSeat } from "./keep-alives.js";
import type { Clock } from "./clock.js";
import type { Network } from "./network.js";
import type { Session } from "./session.js";

/** Whose paths they are. */
export interface SeatedClient {
  readonly session: Session;
  readonly network: Network;
  readonly clock: Clock;
  /** The API key, or "". */
  readonly key: string;
  /** Something may be sent: the thread has heard what the session waits for. */
  readonly heard: () => void;
}

/** One client's paths at the thread; where there is none all of this does nothing. */
export class SeatedPaths {
  readonly #client: SeatedClient;
  /** Taken with the first path. */
  #seat: Seat | undefined;
  #pathsTold = 0;
  #kept: ReadonlyMap<number, number> = new Map();

  constructor(client: SeatedClient) {
    this.#client = client;
  }

  /** Whether the thread may know more than the session does. */
  get isSeated(): boolean {
    return this.#seat !== undefined;
  }

  /** Tells the thread which paths are the session's now, if others were told. */
  tell(): void {
    const { session, network, clock, key, heard } = this.#client;
    if (session.pathsOpened === this.#pathsTold) return;
    this.#pathsTold = session.pathsOpened;
    this.#seat ??= takeSeat((kept, sent) => {
      session.keptElsewhere(kept, sentAtMs(sent, clock), clock.now());
      heard();
    });
    const open = session.openPaths();
    for (const number of this.#kept.values()) this.#seat?.drop(number);
    for (const [worker, number] of open) {
      const address = network.addressOf(worker);
      if (address !== undefined) this.#seat?.keep({ number, address, key, everyMs: session.keepAliveEveryMs() });
    }
    this.#kept = open;
  }

  /** This loop lives. */
  beat(): void {
    this.#seat?.beat();
  }

  /** Takes in what the thread has heard, now, although this turn of the loop is not over. */
  drain(): void {
    this.#seat?.drain();
  }

  leave(): void {
    this.#seat?.leave();
  }
}
