/**
 * One HTTP request and its answer, over what uWebSockets.js lends: a request is gone when its callback returns, a
 * response when its client is. Whoever answers late goes through here, so that nobody touches either too late.
 */
import { STATUS_CODES } from "node:http";
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { plainAddress } from "../listen.js";
import { EventStream } from "./event-stream.js";
import type { Reply } from "./reply.js";

/** The largest body that is read, in bytes. */
export const BODY_BYTES_MAX: number = 64 * 1_024;
/** So much of a larger body is still taken and thrown away, so that its client lives to read the answer. */
const BODY_BYTES_DISCARDED = 1_024 * 1_024;

/** What a request says besides its body. */
export interface RequestHead {
  /** In upper case. */
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  /** The key of `Authorization: Bearer`; undefined if there is none. */
  readonly key: string | undefined;
  readonly lastEventId: string;
  /** Of the client, as people write it. */
  readonly address: string;
}

const text = new TextDecoder();

export class Exchange {
  readonly head: RequestHead;
  /** Called when the client has gone before its answer was sent. */
  onGone: () => void = () => undefined;
  readonly #response: HttpResponse;
  #isGone = false;
  #isAnswered = false;
  #stream: EventStream | undefined;

  /** To be made in the callback that lends both. */
  constructor(response: HttpResponse, request: HttpRequest) {
    this.#response = response;
    this.head = headOf(response, request);
    response.onAborted(() => {
      this.#isGone = true;
      this.#stream?.aborted();
      this.onGone();
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Reads the body; to be called in the callback that lent the request.
   * @returns a copy of its bytes; undefined if there are more than {@link BODY_BYTES_MAX}. Never, if the client goes before
   */
  readBody(): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    return new Promise((resolve) => {
      this.#response.onData((chunk, isLast) => {
        size += chunk.byteLength;
        if (size <= BODY_BYTES_MAX) parts.push(new Uint8Array(chunk.slice(0)));
        else parts.length = 0;
        if (size > BODY_BYTES_DISCARDED) resolve(undefined);
        else if (isLast) resolve(size > BODY_BYTES_MAX ? undefined : Buffer.concat(parts));
      });
    });
  }

  /** Answers, if the client is still there and has no answer yet. */
  answer(reply: Reply): void {
    if (this.#isGone || this.#isAnswered) return;
    this.#isAnswered = true;
    const response = this.#response;
    response.cork(() => {
      this.#writeHead(reply.status, reply.contentType, reply.headers ?? {});
      if (this.head.method === "HEAD") response.endWithoutBody(Buffer.byteLength(reply.body));
      else response.end(reply.body, reply.status === 413);
    });
  }

  /** Answers with a stream of server-sent events. @param unsentBytesMax what may wait for a client that does not read */
  stream(unsentBytesMax: number): EventStream {
    const stream = new EventStream(this.#response, unsentBytesMax);
    this.#stream = stream;
    if (this.#isGone) stream.aborted();
    else {
      this.#isAnswered = true;
      this.#response.cork(() => {
        this.#writeHead(200, "text/event-stream", {});
        if (this.head.method === "HEAD") stream.end();
      });
    }
    return stream;
  }

  #writeHead(status: number, contentType: string, headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    response.writeStatus(`${status} ${STATUS_CODES[status] ?? ""}`);
    response.writeHeader("content-type", contentType);
    response.writeHeader("cache-control", "no-store");
    response.writeHeader("x-content-type-options", "nosniff");
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  }
}

function headOf(response: HttpResponse, request: HttpRequest): RequestHead {
  const bearer = /^bearer +(\S+)$/i.exec(request.getHeader("authorization"));
  return {
    method: request.getCaseSensitiveMethod().toUpperCase(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery()),
    contentType: request.getHeader("content-type"),
    key: bearer?.[1],
    lastEventId: request.getHeader("last-event-id"),
    address: plainAddress(text.decode(response.getRemoteAddressAsText())),
  };
}
