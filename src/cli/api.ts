/**
 * The server's HTTP/JSON API, for the commands whose claims must outlive their process: acquire here, release there.
 * An address that refuses the connection is passed over for the next; once a request is out it is never sent twice,
 * because it may have happened.
 */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { z } from "zod";
import { CommandFailure, EXIT_CODES, exitCodeOf } from "./failure.js";
import { serverOf } from "./options.js";

/** One call. */
export interface ApiCall {
  readonly method: "GET" | "POST";
  /** With its query: "/v1/check?resource=…". */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long the answer may take, in milliseconds; beyond it the outcome is in doubt. */
  readonly withinMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What was wrong, as RFC 9457 says it. `type` is the code of the protocol, alone or at the end of a URI. */
const problem = z.looseObject({
  type: z.string().default("about:blank"),
  title: z.string().default(""),
  detail: z.string().default(""),
});

/** A server that does not answer for so long is not there. */
const ANSWER_WITHIN_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 2 ** 20;
/** The connection was never made, so nothing has happened there. */
const UNREACHED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/**
 * Calls the API and reads its answer by `schema`.
 * @throws CommandFailure with the server's code if it says no; `unavailable`; `in-doubt`
 */
export async function callApi<T>(url: string, call: ApiCall, schema: z.ZodType<T>): Promise<T> {
  const response = await openApi(url, call);
  const text = await bodyOf(response);
  const parsed = schema.safeParse(asJson(text));
  if (parsed.success) return parsed.data;
  const why = z.prettifyError(parsed.error);
  throw new CommandFailure(
    EXIT_CODES.failed,
    "answer-unknown",
    `${call.path} answered what this version does not know: ${why}`,
  );
}

/** Calls the API and gives the answer's stream, once it has said yes. @throws CommandFailure as {@link callApi} */
export async function openApi(url: string, call: ApiCall): Promise<IncomingMessage> {
  const { addresses, key } = serverOf(url);
  let lastFault = "";
  for (const address of addresses) {
    try {
      const response = await send(address, key, call);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      throw refusal(status, asJson(await bodyOf(response)));
    } catch (error) {
      const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
      if (error instanceof CommandFailure || !UNREACHED.has(code)) throw inDoubt(error, address);
      lastFault = `${address}: ${code}`;
    }
  }
  const message = `no server answers (${lastFault}); is it running? See --url and HOLDFAST_URL`;
  throw new CommandFailure(EXIT_CODES.unavailable, "unavailable", message);
}

function send(address: string, key: string, call: ApiCall): Promise<IncomingMessage> {
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const withinMs = call.withinMs ?? ANSWER_WITHIN_MS;
  const headers = {
    accept: "application/json",
    ...(body === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`http://${address}${call.path}`, { method: call.method, headers }, resolve);
    request.setTimeout(withinMs, () => request.destroy(new Error(`no answer within ${withinMs} ms`)));
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    if (!Buffer.isBuffer(part)) continue;
    size += part.length;
    if (size > ANSWER_BYTES_MAX)
      throw new CommandFailure(EXIT_CODES.failed, "answer-too-large", "the answer is too large");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Whatever speaks there is no Holdfast: the schema says so.
  }
}

function refusal(status: number, body: unknown): CommandFailure {
  const parsed = problem.safeParse(body);
  if (!parsed.success) {
    return new CommandFailure(EXIT_CODES.failed, "answer-unknown", `the server answered with status ${status}`);
  }
  const { type, title, detail, status: _status, ...details } = parsed.data;
  const code = type.split(/[/:#]/).at(-1) ?? type;
  const message = [detail, title, `the server answered with status ${status}`].find((text) => text !== "") ?? "";
  return new CommandFailure(exitCodeOf(code), code, message, details);
}

function inDoubt(error: unknown, address: string): Error {
  if (error instanceof CommandFailure) return error;
  const why = error instanceof Error ? error.message : String(error);
  const message = `${address} broke off (${why}): whether it has happened is not known; check before you try again`;
  return new CommandFailure(EXIT_CODES.unavailable, "in-doubt", message);
}
