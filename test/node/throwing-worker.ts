/**
 * Loaded into a server's process before anything else: makes the code of a worker throw where it never should, so that a
 * test sees what becomes of the node. A frame of this very resource is the trigger, in the callback of a socket or in the
 * middle of a turn.
 */
import { isMainThread } from "node:worker_threads";
import { Front } from "../../src/worker/front.js";
import { TurnLoop } from "../../src/worker/turn.js";

/** What a request must name to make the callback that reads it throw. */
export const IN_CALLBACK = "throw:callback";
/** What a request must name to make the turn that would execute it throw. */
export const IN_TURN = "throw:turn";

/** Has `before` called ahead of a method of every worker's parts, with its arguments. */
function ahead(prototype: object, method: string, before: (args: readonly unknown[]) => void): void {
  const original: unknown = Reflect.get(prototype, method);
  if (typeof original !== "function") throw new Error(`there is no ${method} to get ahead of`);
  const apply = (target: typeof original, self: unknown, args: unknown[]): unknown => {
    before(args);
    const answer: unknown = Reflect.apply(target, self, args);
    return answer;
  };
  Reflect.set(prototype, method, new Proxy(original, { apply }));
}

if (!isMainThread) {
  let isTurnToThrow = false;
  ahead(Front.prototype, "receive", ([, frame]) => {
    const text = frame instanceof Uint8Array ? Buffer.from(frame).toString("latin1") : "";
    if (text.includes(IN_CALLBACK)) throw new TypeError("thrown in the callback of a socket");
    isTurnToThrow ||= text.includes(IN_TURN);
  });
  ahead(TurnLoop.prototype, "run", () => {
    if (isTurnToThrow) throw new RangeError("thrown in the middle of a turn");
  });
}
