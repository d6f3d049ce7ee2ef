/**
 * The thing that locks guard, in its simplest form: a number that clients read, add to and write. One takes a write only
 * with a token that is not below the largest it has seen (system.md §4, fencing), the other takes every write.
 */

/** How a file has fared. */
export interface FileStory {
  /** What stands there. */
  readonly value: number;
  /** Writes that it took: so many it should be. */
  readonly accepted: number;
  /** Writes that came too late. */
  readonly refused: number;
}

export class GuardedFile {
  readonly #isFenced: boolean;
  #value = 0;
  #token = 0;
  #accepted = 0;
  #refused = 0;

  constructor(isFenced: boolean) {
    this.#isFenced = isFenced;
  }

  get story(): FileStory {
    return { value: this.#value, accepted: this.#accepted, refused: this.#refused };
  }

  /** From now on no older token writes: what is read here would else be lost to it. */
  read(token: number): number {
    this.#token = Math.max(this.#token, token);
    return this.#value;
  }

  /** Whether it was taken. */
  write(value: number, token: number): boolean {
    if (this.#isFenced && token < this.#token) {
      this.#refused++;
      return false;
    }
    this.#token = Math.max(this.#token, token);
    this.#value = value;
    this.#accepted++;
    return true;
  }
}
