/**
 * `holdfast/testing`: a real server in the process of a test. It is the worker that nodes run, with a real log and real
 * sockets; only its thread and its clock are the test's, because a thread takes as long to start as all the rest, and a
 * clock of its own could not be moved.
 */
import { durationMs } from "../client/duration.js";
import { ClosedError } from "../client/errors.js";
import { Holdfast } from "../client/holdfast.js";
import type { ConnectOptions, Duration } from "../client/options.js";
import { type InProcessNode, startInProcessNode } from "./in-process-node.js";
import { TestTime } from "./test-time.js";

/** No turn of a server takes in more time than this, in milliseconds. */
const STEP_MAX_MS = 1_000;
/** No resource's name begins so: its type would be empty. */
const NO_SUCH_PREFIX = ":";

/** How to start a server. */
export interface TestServerOptions {
  /** Settings by name, such as `{ "limits.ttl_min": "50ms" }`; config/README.md has all of them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** How a client connects: as `Holdfast.connect`, but to this server and in its time. */
export type TestConnectOptions = Omit<ConnectOptions, "url" | "time">;

/** A server that runs in this process until `stop`. */
export class TestServer {
  /** `127.0.0.1:PORT`, for HTTP. */
  readonly address: string;
  /** `holdfast://127.0.0.1:PORT`. */
  readonly url: string;
  readonly #node: InProcessNode;
  readonly #time: TestTime;
  readonly #clients = new Set<Holdfast>();
  #stopped: Promise<void> | undefined;

  /** Only `startTestServer` makes one. */
  constructor(node: InProcessNode, time: TestTime) {
    this.#node = node;
    this.#time = time;
    this.address = node.address;
    this.url = `holdfast://${node.address}`;
  }

  /** Connects a client whose time is moved by `advance`; `stop` closes it. */
  async connect(options: TestConnectOptions = {}): Promise<Holdfast> {
    const holdfast = await Holdfast.connect({ ...options, url: this.url, time: this.#time });
    this.#clients.add(holdfast);
    return holdfast;
  }

  /**
   * Moves the time of the server and of the clients that `connect` has made, in steps, and lets them do what is due.
   * @param duration milliseconds or a text such as "31s"; an hour of it takes some seconds
   * @throws InvalidOptionError if it is no duration
   */
  async advance(duration: Duration): Promise<void> {
    await this.#settle();
    for (let leftMs = durationMs(duration, "duration"); leftMs > 0; ) {
      const stepMs = Math.min(leftMs, STEP_MAX_MS, this.#time.stepMaxMs());
      leftMs -= stepMs;
      const hasSent = this.#time.move(stepMs);
      const hasChanged = this.#node.runTurn();
      if (hasSent || hasChanged) await this.#settle();
    }
    await this.#settle();
  }

  /** Closes the clients, ends the server and removes its directory. @throws Error if the server had failed */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Lets what has been sent arrive and be answered, before time goes on. */
  async #settle(): Promise<void> {
    for (const client of [...this.#clients]) {
      if (!(await hasSettled(client))) this.#clients.delete(client);
    }
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
    await this.#node.stop();
  }
}

/**
 * Starts a server on a free port of 127.0.0.1, with its data in a temporary directory.
 * @throws Error `settings-refused`; NodeFault or StoreFault if it can't start
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const time = new TestTime();
  const node = await startInProcessNode(options.settings ?? {}, time.nowMs);
  return new TestServer(node, time);
}

/**
 * Waits until what the client has sent is done and answered: a list stands behind it on its connection, and is answered
 * when every shard has committed what it had decided by then.
 * @returns whether the client is still open
 */
async function hasSettled(client: Holdfast): Promise<boolean> {
  try {
    await client.list(NO_SUCH_PREFIX, { pageSize: 1 }).next();
    return true;
  } catch (error) {
    if (error instanceof ClosedError) return false;
    throw error;
  }
}
