/**
 * HTTP/JSON on a worker's ports: finds the endpoint, reads the body, and answers whatever becomes of it. It is a client of
 * the protocol inside the process and knows nothing of locks.
 */
import type { HttpRequest, HttpResponse, TemplatedApp } from "uWebSockets.js";
import type { Ring } from "../../placement/ring.js";
import type { Front } from "../front.js";
import type { WorkerOptions } from "../options.js";
import { Call, type Desk } from "./call.js";
import { type Endpoint, ENDPOINTS } from "./endpoints.js";
import { BODY_BYTES_MAX, Exchange } from "./exchange.js";
import { probesOf } from "./health.js";
import { describe } from "./openapi.js";
import { problem, Refusal, type Reply } from "./reply.js";

const NO_BODY = new Uint8Array(0);

export class HttpApi {
  readonly #desk: Desk;
  readonly #endpoints = new Map<string, readonly Endpoint[]>();
  readonly #calls = new Set<Call>();
  #isDraining = false;
  #tellEmpty: () => void = () => undefined;

  constructor(front: Front, options: WorkerOptions, ring: Ring) {
    const { index, addresses, workerOfShard, limits, version } = options;
    let description: string | undefined;
    this.#desk = {
      front,
      limits,
      ring,
      worker: index,
      workers: addresses.length,
      workerOfShard,
      isDraining: () => this.#isDraining,
      probes: probesOf(ring, workerOfShard),
      description: () => (description ??= describe(version)),
    };
    for (const endpoint of ENDPOINTS) {
      this.#endpoints.set(endpoint.path, [...(this.#endpoints.get(endpoint.path) ?? []), endpoint]);
    }
  }

  /** Adds the one route that takes whatever is not the protocol's own. */
  route(app: TemplatedApp): void {
    app.any("/*", (response, request) => {
      this.#take(response, request);
    });
  }

  /** Ends waits and streams, and lets the rest be answered, for so long at most. */
  async drain(withinMs: number): Promise<void> {
    this.#isDraining = true;
    for (const call of this.#calls) call.drain();
    if (this.#calls.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#tellEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Only here, while uWebSockets.js lends the request, may it be read. */
  #take(response: HttpResponse, request: HttpRequest): void {
    const exchange = new Exchange(response, request);
    try {
      const endpoint = this.#find(exchange);
      if (endpoint.method === "GET") void this.#serve(exchange, endpoint, NO_BODY);
      else void this.#serveBody(exchange, endpoint);
    } catch (error) {
      exchange.answer(problem(refusalOf(error)));
    }
  }

  /** @throws Refusal `not-found`, `method-not-allowed`, `draining` */
  #find({ head: { path, method } }: Exchange): Endpoint {
    const known = this.#endpoints.get(path);
    if (known === undefined) {
      if (path === "/v1/connect") {
        throw new Refusal("upgrade-required", "this is for WebSocket", {
          headers: { upgrade: "websocket", connection: "upgrade" },
        });
      }
      throw new Refusal("not-found", `there is no ${path}; /v1/openapi.json describes what there is`);
    }
    const found = known.find((endpoint) => endpoint.method === (method === "HEAD" ? "GET" : method));
    if (found === undefined) {
      const allow = known
        .flatMap((endpoint) => (endpoint.method === "GET" ? ["GET", "HEAD"] : [endpoint.method]))
        .join(", ");
      throw new Refusal("method-not-allowed", `${path} takes ${allow}, not ${method}`, { headers: { allow } });
    }
    if (this.#isDraining && found.isProbe !== true) {
      throw new Refusal("draining", "this node is going down; try again elsewhere, or in a moment");
    }
    return found;
  }

  async #serveBody(exchange: Exchange, endpoint: Endpoint): Promise<void> {
    const body = await exchange.readBody();
    if (body !== undefined) return this.#serve(exchange, endpoint, body);
    exchange.answer(problem(new Refusal("body-too-large", `the body has more than ${BODY_BYTES_MAX} bytes`)));
  }

  async #serve(exchange: Exchange, endpoint: Endpoint, body: Uint8Array): Promise<void> {
    const call = new Call(this.#desk, exchange, body);
    this.#calls.add(call);
    const reply = await replyOf(endpoint, call);
    call.close();
    if (reply !== undefined) exchange.answer(reply);
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#tellEmpty();
  }
}

async function replyOf(endpoint: Endpoint, call: Call): Promise<Reply | undefined> {
  try {
    return await endpoint.serve(call);
  } catch (error) {
    return problem(refusalOf(error));
  }
}

/** Whatever is no refusal is our bug; the request ends with it, and the others go on. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("internal", error instanceof Error ? error.message : String(error));
}
