/** A promise that is settled from outside, once: Node 20 has no `Promise.withResolvers`. */

/** Many wait, one opens. What comes after the first is ignored. */
export class Gate<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.catch(() => {}); // Nobody may be waiting when it is closed for good; who waits later is still told.
  }

  /** Lets all through. */
  open(value: T): void {
    this.#resolve(value);
  }

  /** Turns all away. */
  refuse(error: Error): void {
    this.#reject(error);
  }
}
