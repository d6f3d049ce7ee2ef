/**
 * A watch as an async iterator. Events that nobody reads are kept up to a bound; beyond it the watch ends with an error,
 * because silently leaving some out would look like nothing had happened.
 */
import { KIND_LIST, KIND_UNWATCH, KIND_WATCH } from "../words/kinds.js";
import type { Driver } from "./driver.js";
import { ServerProtocolError, UnavailableError } from "./errors.js";
import type { WatchOptions } from "./options.js";
import type { WatchPush } from "./questions.js";
import type { ListedClaim, WatchEvent } from "./results.js";

/** Events that wait to be read, at most. */
const UNREAD_MAX = 65_536;
/** Claims that a resync tells, at most. */
const RESYNC_CLAIMS_MAX = 65_536;

/** Yields what happens, until the signal aborts, the reader stops, or the client is closed. */
export async function* watchClaims(
  driver: Driver,
  pattern: string,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void, undefined> {
  const unread: WatchPush[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const tail = [pattern, options.cursor ?? null];
  const id = driver.watch(
    { kind: KIND_WATCH, tail, repeats: true },
    (push) => {
      if (unread.length < UNREAD_MAX) unread.push(push);
      else failure ??= new UnavailableError(`unavailable: ${UNREAD_MAX} events of ${pattern} were not read in time`);
      wake?.();
    },
    (error) => {
      failure ??= error;
      wake?.();
    },
  );
  const onAbort = (): void => wake?.();
  options.signal?.addEventListener("abort", onAbort);
  try {
    while (options.signal?.aborted !== true) {
      for (const push of unread.splice(0)) yield await eventOf(driver, pattern, push);
      if (failure !== undefined && unread.length === 0) throw failure;
      if (unread.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (options.signal?.aborted === true) resolve();
      });
    }
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    driver.forgetWatch(id);
    if (failure === undefined) {
      // Whether the server heard it does not matter: events of a watch that nobody remembers are passed over.
      driver.ask({ kind: KIND_UNWATCH, tail: [id], repeats: true }).catch(() => undefined);
    }
  }
}

async function eventOf(driver: Driver, pattern: string, push: WatchPush): Promise<WatchEvent> {
  if (push.kind === "resync") return { kind: "resync", cursor: push.cursor, ...(await stateNow(driver, pattern)) };
  const { event, resource, lsn, token, mode, client, principal, cursor } = push;
  return { kind: event, resource, lsn, token, mode, client, principal, cursor };
}

/**
 * What holds and waits now. It is read behind the cursor of the resync, so that nothing is left out between the two: an
 * event that comes later may be in it already.
 */
async function stateNow(
  driver: Driver,
  pattern: string,
): Promise<{ readonly claims: readonly ListedClaim[]; readonly complete: boolean }> {
  const isPrefix = pattern.endsWith("*");
  const prefix = isPrefix ? pattern.slice(0, -1) : pattern;
  const claims: ListedClaim[] = [];
  let cursor: string | undefined;
  do {
    const answer = await driver.ask({ kind: KIND_LIST, tail: [prefix, null, cursor ?? null], repeats: true });
    if (answer.kind !== "listed") throw new ServerProtocolError(`protocol: a list was answered ${answer.kind}`);
    claims.push(...answer.claims.filter(({ resource }) => isPrefix || resource === pattern));
    cursor = answer.cursor;
  } while (cursor !== undefined && claims.length < RESYNC_CLAIMS_MAX);
  return { claims: claims.slice(0, RESYNC_CLAIMS_MAX), complete: cursor === undefined };
}
