/** A control plane of one record for tests, whose answers can be withheld: a request does its work when told to. */
import type { Configuration } from "../../src/words/configuration.js";
import type { Input } from "../../src/replication/inputs.js";
import type { ControlRequest } from "../../src/replication/outputs.js";

export interface Asked {
  readonly by: string;
  readonly request: ControlRequest;
}

export class ControlRecord {
  configuration: Configuration;
  /** Everything that ever stood here. */
  readonly history: Configuration[];
  /** Requests that have come and are not done. */
  asked: Asked[] = [];

  constructor(first: Configuration) {
    this.configuration = first;
    this.history = [first];
  }

  /** Does one request, and answers what would be said. */
  act({ request }: Asked): Input {
    if (request.kind === "read") {
      return { kind: "read", configuration: this.configuration, knownEpoch: request.knownEpoch };
    }
    const { epoch, nonce } = this.configuration;
    if (epoch !== request.expected.epoch || nonce !== request.expected.nonce) return { kind: "not-written" };
    this.configuration = request.next;
    this.history.push(request.next);
    return { kind: "written", configuration: request.next };
  }
}
