/** Ports in a row that nobody listens on, for servers that take them by number. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Where the search begins: below what systems give out by themselves. */
const FIRST = 20_000;
const LAST = 30_000;

let next = FIRST + ((process.pid * 37) % (LAST - FIRST));

/** The first of `count` ports in a row that are free at this host. */
export async function freeRow(host: string, count: number): Promise<number> {
  for (let tries = 0; tries < LAST - FIRST; tries += count) {
    const first = next;
    next = next + count > LAST ? FIRST : next + count;
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(host, first + at)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`there are no ${count} free ports in a row at ${host}`);
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
