/**
 * Clocks that jump, by Debian's libfaketime: a preloaded library that reads, at each question for the time, how far off
 * it shall be. `wall`: the wall clock alone. `all`: the monotonic one with it, as in a machine that was suspended; its
 * uptime goes on, because Node reads it from /proc.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LIBRARIES = "/usr/lib";

function library(): string | undefined {
  const folders = existsSync(LIBRARIES) ? readdirSync(LIBRARIES) : [];
  return folders.map((name) => join(LIBRARIES, name, "faketime/libfaketimeMT.so.1")).find((path) => existsSync(path));
}

/** Why clocks can't be moved; false if they can. */
export function fakeClockMissing(): string | false {
  return library() === undefined && "libfaketime is missing (apt-get install libfaketime)";
}

/** The clocks of one process. */
export class FakeClock {
  readonly #file: string;
  readonly #moved: "wall" | "all";
  #offsetMs = 0;

  /** @param file whose content is the offset; made here */
  constructor(file: string, moved: "wall" | "all") {
    this.#file = file;
    this.#moved = moved;
    this.set(0);
  }

  /** What the process is started with. */
  get environment(): Readonly<Record<string, string>> {
    const alone = this.#moved === "wall" ? { FAKETIME_DONT_FAKE_MONOTONIC: "1" } : {};
    return { LD_PRELOAD: library() ?? "", FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_NO_CACHE: "1", ...alone };
  }

  /** Sets the clocks off by so many milliseconds from true time. */
  set(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    const next = `${this.#file}.next`;
    writeFileSync(next, `${offsetMs < 0 ? "-" : "+"}${Math.abs(offsetMs) / 1_000}\n`);
    renameSync(next, this.#file); // Whole at every moment: the process reads it whenever it likes.
  }

  /** Sets the clocks back, for good: so long they have stood. */
  fallBehind(ms: number): void {
    this.set(this.#offsetMs - ms);
  }
}
