/**
 * What must hold after every turn, by books of the explorer's own (INV-3, INV-5): one chain, one primary in an epoch, and
 * everything that was committed is on the disk of everybody who may take office by the configuration in force.
 */
import { isSame, NOWHERE, type Position } from "../../src/replication/entry.js";
import type { ReplicaState } from "../../src/replication/state.js";
import type { Turn } from "./under-way.js";
import { type Books, Broken, NAMES, type World } from "./world.js";

/** Judges what a replica did in a turn, and writes it down; its answers rest on it. */
export function afterTurn(world: World, now: Turn): World {
  const { index, served, replica } = now;
  let { books } = world;
  if (served > 0) books = withServed(books, served, index);
  for (const { position } of now.appended) books = withMade(books, position);
  // One that missed the beginning of an era has what was lost, until it throws it away.
  const { era, inSync } = world.configuration;
  if (era > 0 && !inSync.includes(NAMES[index] ?? "")) return { ...world, books };
  books = withCommitted(books, replica.state, index, served);
  return books === world.books ? world : { ...world, books };
}

function withServed(books: Books, epoch: number, by: number): Books {
  const known = books.served.find((one) => one.epoch === epoch);
  if (known !== undefined && known.by !== by) throw new Broken(`R-9: two primaries serve in epoch ${epoch}`);
  return known === undefined ? { ...books, served: [...books.served, { epoch, by }] } : books;
}

/** INV-5: entries with the same (epoch, LSN) are the same everywhere. */
function withMade(books: Books, position: Position): Books {
  const known = books.made.find(({ epoch, lsn }) => epoch === position.epoch && lsn === position.lsn);
  if (known === undefined) return { ...books, made: [...books.made, position] };
  if (!isSame(known, position)) throw new Broken(`INV-5: two entries at epoch ${position.epoch}, LSN ${position.lsn}`);
  return books;
}

function withCommitted(books: Books, state: Readonly<ReplicaState>, index: number, served: number): Books {
  let { committed } = books;
  for (const { position, previous } of state.tail) {
    if (position.lsn > state.committed) break;
    const known = committed.find(({ lsn }) => lsn >= position.lsn);
    if (known !== undefined) {
      if (isSame(known, position)) continue;
      throw new Broken(`INV-3: ${NAMES[index] ?? ""} has other entries committed than were committed before`);
    }
    if (served === 0) throw new Broken(`R-8: ${NAMES[index] ?? ""} takes for committed what no primary committed`);
    if (!isSame(committed.at(-1) ?? NOWHERE, previous)) {
      throw new Broken("INV-3: a committed entry does not continue what was committed before");
    }
    committed = [...committed, position];
  }
  return committed === books.committed ? books : { ...books, committed };
}

/** INV-3: everybody in the set that is in force has on disk all that was committed. */
export function checkLogs({ configuration, nodes, books }: World): void {
  const end = books.committed.at(-1);
  if (end === undefined) return;
  for (const name of configuration.inSync) {
    const node = nodes[NAMES.indexOf(name)];
    if (node === undefined || node.isSpoilt || node.disk.base.lsn >= end.lsn) continue;
    if (!node.disk.entries.some(({ position }) => isSame(position, end))) {
      throw new Broken(`INV-3: ${name} is in the set of epoch ${configuration.epoch} without what was committed`);
    }
  }
}
