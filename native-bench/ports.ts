/** Ports that nobody has, for servers that must be told theirs before they start. */
import { once } from "node:events";
import { createServer } from "node:net";

/** This machine. */
export const HOST = "127.0.0.1";

/** As many ports of this machine as asked for, all free at one moment. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map(async (server) => {
      server.listen(0, HOST);
      await once(server, "listening");
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
