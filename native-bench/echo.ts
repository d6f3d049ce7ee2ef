/**
 * The physical limit that Holdfast is measured against: one thread, the same sockets and codec, the same frames and
 * sizes of messages, each unpacked and each answer packed, and nothing in between. It grants whatever it is asked for.
 *
 * Run as `node dist/native-bench/echo.js`; the first line on stdout is `{"ready":true,"address":"127.0.0.1:PORT",…}`.
 */
import { argv, pid, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { Packr } from "msgpackr";
import uWS from "uWebSockets.js";

const SHARDS = 64;
const RING_SLOTS = 65_536;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const TTL_DEFAULT_MS = 30_000;

/** What a message of the protocol may carry, as msgpackr reads it. */
type Value = null | boolean | number | string | Uint8Array | readonly Value[] | { readonly [key: string]: Value };
type Message = readonly Value[];

const codec: Packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });

let lastToken = 0;
let lastPath = 0;

function integer(value: Value | undefined): number {
  if (typeof value !== "number") throw new TypeError(`an integer was expected, not ${JSON.stringify(value)}`);
  return value;
}

function list(value: Value | undefined): Message {
  if (!isList(value)) throw new TypeError("an array was expected");
  return value;
}

function isList(value: unknown): value is Message {
  return Array.isArray(value);
}

/** A claim as CHECKED shows it: the size is what counts. */
function holder(): Message {
  return [0, lastToken, 5, 29_000, "local", "0123456789abcdef", "127.0.0.1:50000", "", 0, 0];
}

function welcome(hello: Message, port: number): Message {
  const [, wishes] = hello;
  const wantsRing = typeof wishes === "object" && wishes !== null && "ring" in wishes && wishes["ring"] === true;
  const address = `127.0.0.1:${port}`;
  const fields = {
    version: 1,
    server: "echo/1",
    node: "echo",
    worker: 0,
    principal: "local",
    address,
    limits: { ttlMinMs: 5000, ttlMaxMs: 300_000, frameBytesMax: FRAME_BYTES_MAX, waitingGraceMs: 10_000 },
    map: { version: 1, shards: SHARDS, ringId: 0, workers: [address], owners: Array.from({ length: SHARDS }, () => 0) },
  };
  return [1, wantsRing ? { ...fields, ring: new Uint8Array(RING_SLOTS * 2) } : fields];
}

/** Opens the paths that were asked for: new in each shard. */
function open(request: Message, answers: Message[]): void {
  const sessionCount = list(request[3]).length;
  const paths = Array.from({ length: sessionCount }, (_, index) => lastPath + 1 + index);
  lastPath += sessionCount;
  answers.push([3, integer(request[1]), paths]);
  for (let shard = 0; shard < SHARDS; shard += 1) answers.push([4, integer(request[1]), shard, 1, []]);
}

function keepAlive(request: Message, answers: Message[]): void {
  const marks = list(request[3]).flatMap((path) => [path, 0]);
  answers.push([5, integer(request[1]), integer(request[2]), 0, 1, marks], [23, integer(request[1]), 1]);
}

/** The answer to one request, in the shape and about the size of Holdfast's. */
function answer(request: Message, answers: Message[], port: number): void {
  const id = request[1];
  switch (integer(request[0])) {
    case 10:
      lastToken += 1;
      answers.push([10, id ?? null, lastToken, request[3] ?? TTL_DEFAULT_MS, 0]);
      return;
    case 11:
      answers.push([15, id ?? null]);
      return;
    case 12:
      answers.push([17, id ?? null, request[4] ?? TTL_DEFAULT_MS, request[4] ?? TTL_DEFAULT_MS]);
      return;
    case 13:
      answers.push([19, id ?? null, [holder()], 0, 0]);
      return;
    case 2:
      answers.push([2, id ?? null]); // A header before a session's requests, and one before their answers.
      return;
    case 1:
      answers.push(welcome(request, port));
      return;
    case 3:
      open(request, answers);
      return;
    case 4:
      keepAlive(request, answers);
      return;
    case 5:
      answers.push([23, id ?? null, 1]);
      return;
    default:
      throw new RangeError(`the echo does not know request ${integer(request[0])}`);
  }
}

/** Listens on a free port of the loopback, or on `port`, until the process is ended. */
function serve(wantedPort: number): void {
  let port = wantedPort;
  uWS
    .App()
    .ws<Record<string, never>>("/v1/connect", {
      compression: uWS.DISABLED,
      maxPayloadLength: FRAME_BYTES_MAX,
      maxBackpressure: 64 * 1024 * 1024,
      idleTimeout: 0,
      message: (socket, bytes) => {
        const frame: unknown = codec.unpack(new Uint8Array(bytes));
        if (!isList(frame)) throw new TypeError("a frame is an array");
        const answers: Message[] = [];
        for (const request of frame) answer(list(request), answers, port);
        socket.send(codec.pack(answers), true);
      },
    })
    .listen("127.0.0.1", wantedPort, (socket) => {
      if (socket === false) throw new Error(`the echo cannot listen on port ${wantedPort}`);
      port = uWS.us_socket_local_port(socket);
      stdout.write(`${JSON.stringify({ ready: true, address: `127.0.0.1:${port}`, pid, recovered: 0 })}\n`);
    });
}

if (argv[1] === fileURLToPath(import.meta.url)) serve(Number(argv[2] ?? 0));
