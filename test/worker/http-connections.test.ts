/** HTTP as a transport: keep-alive, HEAD, large bodies, probes, the description, and that nothing is left of a request. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { freshDirectory, type ServerProcess, startServer, until } from "../node/server-process.js";
import { ENDPOINTS } from "../../src/worker/http/endpoints.js";
import { acquired, ask, open } from "./http-client.js";

let server: ServerProcess;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

const statusBody = z.object({ totals: z.object({ connections: z.number(), sessions: z.number() }) });

async function totals(): Promise<{ connections: number; sessions: number }> {
  return statusBody.parse((await ask(server, "GET /v1/status")).body).totals;
}

test("2,000 requests of every kind leave no connection and no session behind", async () => {
  const before = await totals();
  const one = async (n: number): Promise<void> => {
    const resource = `many:${n}`;
    const token = await acquired(server, { resource, ...(n % 4 === 0 ? { idempotencyKey: `k${n}`, ttl: "5s" } : {}) });
    await ask(server, `GET /v1/check?resource=${resource}`);
    await ask(server, "POST /v1/acquire", { resource, wait: 1 });
    await ask(server, "POST /v1/release", { resource, token });
  };
  for (let n = 0; n < 500; n += 20) await Promise.all(Array.from({ length: 20 }, (_, more) => one(n + more)));
  await until("connections to be as before", async () => {
    const now = await totals();
    return now.connections === before.connections && now.sessions === before.sessions;
  });
});

test("clients that break off at any moment leave nothing behind, and the others do not notice", async () => {
  const before = await totals();
  await acquired(server, { resource: "broken:1", ttl: "5m" });
  const lines = ["GET /v1/watch?pattern=*", "GET /v1/status", "GET /v1/list", "GET /readyz"];
  for (let n = 0; n < 200; n++) {
    const line = lines[n % 8];
    const { request } =
      line === undefined ? open(server, "POST /v1/acquire", { resource: "broken:1", wait: "1m" }) : open(server, line);
    if (n % 3 === 0) setImmediate(() => request.destroy());
    else setTimeout(() => request.destroy(), n % 7);
  }
  await until("connections to be as before", async () => {
    const now = await totals();
    return now.connections === before.connections && now.sessions === before.sessions;
  });
  const { body } = await ask(server, "GET /v1/check?resource=broken:1");
  assert.equal(body["waiters"], 0);
});

test("one connection carries many requests", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let n = 0; n < 20; n++) {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(`http://${server.address}/v1/check?resource=alive:1`, { agent }, resolve);
      request.on("error", reject);
      request.end();
    });
    ports.add(response.socket.localPort);
    response.resume();
    await once(response, "end");
    assert.equal(response.statusCode, 200);
  }
  agent.destroy();
  assert.equal(ports.size, 1);
});

test("HEAD answers as GET does, without the body", async () => {
  for (const path of ["/v1/check?resource=head:1", "/livez", "/v1/openapi.json", "/v1/watch?pattern=*"]) {
    const { status, text, headers } = await ask(server, `HEAD ${path}`);
    assert.deepEqual([status, text], [200, ""], path);
    assert.notEqual(headers.get("content-type"), null);
  }
  const length = (await ask(server, "HEAD /v1/openapi.json")).headers.get("content-length");
  assert.equal(Number(length), Buffer.byteLength((await ask(server, "GET /v1/openapi.json")).text));
});

test("a body of 64 KiB is read, one byte more is too large", async () => {
  const filled = (size: number): string => {
    const text = JSON.stringify({ resource: "large:1", token: 1 });
    return text + " ".repeat(size - text.length);
  };
  assert.equal((await ask(server, "POST /v1/release", filled(65_536))).body["type"], "not-held");
  const { status, body } = await ask(server, "POST /v1/release", filled(65_537));
  assert.deepEqual([status, body["type"]], [413, "body-too-large"]);
});

test("a body without end is cut off, and the server lives", async () => {
  const [host = "", port = ""] = server.address.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined); // The server ends it while we still write: that is what is wanted.
  socket.write(
    "POST /v1/acquire HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n",
  );
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  const part = Buffer.alloc(65_536, 32);
  await until("the connection to be cut", async () => {
    if (!isClosed && socket.writableLength < 1_000_000) socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
    return isClosed;
  });
  assert.equal((await ask(server, "GET /livez")).status, 200);
});

test("probes answer, and tell their checks if asked", async () => {
  assert.deepEqual([(await ask(server, "GET /livez")).status, (await ask(server, "GET /livez")).text], [200, "ok\n"]);
  for (const path of ["/readyz", "/healthz"]) {
    assert.equal((await ask(server, `GET ${path}`)).text, "ok\n");
    const { status, text } = await ask(server, `GET ${path}?verbose`);
    assert.equal(status, 200);
    assert.equal(text, "[+]drain ok\n[+]worker-0 ok\n[+]worker-1 ok\nok\n");
  }
});

test("every endpoint is in the OpenAPI document, with the schema that validates it", async () => {
  const { text } = await ask(server, "GET /v1/openapi.json");
  const document = z
    .object({
      openapi: z.string(),
      paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))),
    })
    .parse(JSON.parse(text));
  const told = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(told.sort(), ENDPOINTS.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort());
  for (const name of ["idempotencyKey", "lockDelay", "permits", "prefix", "pattern"])
    assert.ok(text.includes(`"${name}"`), name);
});

test("the OpenAPI document passes its linter", async () => {
  const { text } = await ask(server, "GET /v1/openapi.json");
  const file = join(freshDirectory(), "openapi.json");
  writeFileSync(file, text);
  const redocly = fileURLToPath(import.meta.resolve("@redocly/cli/bin/cli.js"));
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const child = spawn(process.execPath, [redocly, "lint", file], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => (output += part));
  }
  await once(child, "close");
  assert.equal(child.exitCode, 0, output);
  assert.match(output, /is valid/);
  assert.doesNotMatch(output, /warning.*problem|\d+ warnings?\b/);
});
