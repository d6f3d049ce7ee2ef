/** A turn while it goes on: what the replica, its disk and its clients are by now, before it is part of a world again. */
import type { Entry } from "../../src/replication/entry.js";
import type { Link } from "../../src/replication/link.js";
import type { Message } from "../../src/replication/messages.js";
import type { Replica } from "../../src/replication/replica.js";
import type { Asked, Disk, Reply } from "./world.js";

/** A turn under way. */
export interface Turn {
  readonly index: number;
  readonly replica: Replica;
  readonly links: (Link | null)[];
  readonly round: number;
  disk: Disk;
  asked: readonly Asked[];
  replies: Reply[];
  readonly life: number;
  readonly outbox: Message[][];
  readonly appended: Entry[];
  /** The epoch in which it served at any time of the turn; 0 for none. */
  served: number;
}
