/** Reads a stream of server-sent events, as the WHATWG defines it: fields by line, an event ends with an empty one. */

/** One event; `id` is what to go on from after a break. One without data tells only that. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** An event of a lock service is small; a stream without an end of line is no stream of events. */
const LINE_LENGTH_MAX = 16 * 2 ** 20;

/** Yields the events of `stream` until it ends. Comments, which keep the connection alive, are passed over. */
export async function* readEvents(stream: AsyncIterable<unknown>): AsyncGenerator<ServerSentEvent, void, undefined> {
  let event = "message";
  let id = "";
  let data: string[] = [];
  let isMoved = false;
  for await (const line of lines(stream)) {
    if (line === "") {
      if (data.length > 0 || isMoved) yield { event, data: data.join("\n"), id };
      event = "message";
      data = [];
      isMoved = false;
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id") {
      id = value;
      isMoved = true;
    }
  }
}

async function* lines(stream: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of stream) {
    if (!(part instanceof Uint8Array)) continue;
    const pieces = (rest + decoder.decode(part, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = pieces.pop() ?? "";
    if (rest.length > LINE_LENGTH_MAX) throw new Error("the stream of events has a line without an end");
    yield* pieces;
  }
}
