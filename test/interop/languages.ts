/** The clients in other languages: what runs them, and what is missing where they can't. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../house/house.js";
import type { Program } from "./process-driver.js";

/** Debian's own: its packages are not seen by any other Python on the machine. */
const PYTHON = "/usr/bin/python3";
const GO_PATH = "/usr/share/gocode";
const GO_PACKAGES: readonly string[] = ["nhooyr.io/websocket", "github.com/vmihailenco/msgpack/v5", "golang.org/x/sys"];

/** A client in another language. */
export interface Language {
  readonly name: string;
  /** What to install; false: all is there. */
  readonly missing: string | false;
  /** Builds it into `directory` if it must be. */
  readonly make: (directory: string) => Program;
}

/** The Python client. */
export const python: Language = {
  name: "Python",
  missing:
    spawnSync(PYTHON, ["-c", "import websockets, msgpack"]).status === 0
      ? false
      : "needs Debian's python3, python3-websockets and python3-msgpack",
  make: () => ({ command: PYTHON, args: ["-B", join(root, "test/interop/python/driver.py")] }),
};

/** The Go client. */
export const go: Language = {
  name: "Go",
  missing:
    spawnSync("go", ["version"]).status === 0 && GO_PACKAGES.every((name) => existsSync(join(GO_PATH, "src", name)))
      ? false
      : "needs Debian's golang-go, golang-nhooyr-websocket-dev, golang-github-vmihailenco-msgpack.v5-dev and golang-golang-x-sys-dev",
  make: (directory) => {
    const binary = join(directory, "conformance-client");
    const built = spawnSync("go", ["build", "-o", binary, "."], {
      cwd: join(root, "test/interop/go"),
      env: { ...process.env, GO111MODULE: "off", GOPATH: GO_PATH, GOFLAGS: "", CGO_ENABLED: "0" },
    });
    assert.equal(built.status, 0, built.stderr.toString());
    return { command: binary, args: [] };
  },
};
