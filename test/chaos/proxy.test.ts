/** The proxy of the chaos: its weather does what it says, in each direction by itself, and loses nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { until } from "../node/server-process.js";
import { Proxy } from "./proxy.js";
import { Sky } from "./weather.js";

const HOST = "127.0.0.1";
const endings: (() => void)[] = [];
after(() => {
  for (const end of endings) end();
});

/** A server that says back what it hears, a proxy before it that knows this process as "me", and a connection. */
async function connected(sky: Sky): Promise<{ readonly socket: Socket; readonly heard: () => string }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const diallers = (): ReadonlyMap<number, string> => new Map([[process.pid, "me"]]);
  const parts = { sky, listen: { host: HOST, port: 0 }, target: { host: HOST, port }, name: "there", diallers };
  const proxy = await Proxy.start(parts);
  const socket = createConnection({ host: HOST, port: proxy.port });
  socket.on("error", () => undefined);
  endings.push(() => {
    socket.destroy();
    proxy.close();
    server.close();
  });
  let heard = "";
  socket.setEncoding("utf8").on("data", (text: string) => (heard += text));
  return { socket, heard: () => heard };
}

test("what a link holds comes in order when it is let go, and the other direction goes on", async () => {
  const sky = new Sky();
  const { socket, heard } = await connected(sky);
  socket.write("a");
  await until("the echo", () => heard() === "a");
  sky.change("there", "me", { isHeld: true });
  socket.write("b");
  const waited = performance.now() + 200;
  await until("200 ms", () => performance.now() > waited);
  assert.equal(heard(), "a");
  sky.change("me", "there", { isHeld: true });
  socket.write("c");
  sky.change("there", "me", { isHeld: false });
  await until("what was held on its way back", () => heard() === "ab");
  sky.clear();
  await until("all of it", () => heard() === "abc");
});

test("the end of a connection is held, too, so that a dead party is as silent as a cut cable", async () => {
  const sky = new Sky();
  const { socket, heard } = await connected(sky);
  socket.write("a");
  await until("the echo", () => heard() === "a");
  let isOver = false;
  socket.once("end", () => {
    isOver = true;
  });
  sky.change("there", "me", { isHeld: true });
  socket.end("z");
  const waited = performance.now() + 200;
  await until("200 ms", () => performance.now() > waited);
  assert.equal(isOver, false);
  sky.clear();
  await until("the end", () => isOver);
  assert.equal(heard(), "az");
});

test("a cut resets the connection, and refuses the next", async () => {
  const sky = new Sky();
  const { socket, heard } = await connected(sky);
  socket.write("a");
  await until("the echo", () => heard() === "a");
  sky.change("me", "there", { isCut: true });
  await until("the reset", () => socket.destroyed);
});

test("late, thin and split bytes are the same bytes", async () => {
  const sky = new Sky();
  sky.change("me", "there", { delayMs: 20, throttle: 2_000, isSplit: true });
  const { socket, heard } = await connected(sky);
  const text = "0123456789".repeat(20);
  const began = performance.now();
  socket.write(text);
  await until("the echo", () => heard() === text);
  assert.ok(performance.now() - began > 90, "200 bytes at 2,000 a second take 100 ms");
});
