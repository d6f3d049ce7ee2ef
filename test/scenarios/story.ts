/**
 * Scenario files are the engine's rules for people: what is asked, a line of dashes, what is answered. This file reads
 * them and lets a shard play them; the words of a line are told in README.md beside it.
 */
import type { Limits } from "../../src/words/limits.js";
import { LIMITS_DEFAULT } from "../../src/words/limits.js";
import { formatDuration, parseDuration } from "../../src/words/duration.js";
import {
  KIND_ACQUIRE,
  KIND_ASK_POSITION,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_FORCE_RELEASE,
  KIND_LIST,
  KIND_KEPT,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
} from "../../src/words/kinds.js";
import type { Caller } from "../shard/caller.js";
import { type Asking, type DriverOptions, ShardDriver, type Told } from "../shard/driver.js";
import { tellReply } from "./tell.js";

/** One story of a file: its title, and its lines, of which those of answers are to be compared or written anew. */
export interface Story {
  readonly title: string;
  readonly comment: readonly string[];
  readonly blocks: readonly Block[];
}
/** Some lines that ask, and what was answered. */
export interface Block {
  readonly asked: readonly string[];
  readonly answered: readonly string[];
}

/** Reads the stories of a file. A line that begins with `# ` begins one, or goes on with its comment. */
export function readStories(text: string): Story[] {
  const stories: { title: string; comment: string[]; blocks: { asked: string[]; answered: string[] }[] }[] = [];
  let block: { asked: string[]; answered: string[] } | undefined;
  let isAnswer = false;
  let wasComment = false;
  for (const line of text.split("\n")) {
    const story = stories.at(-1);
    const isComment = line.startsWith("# ");
    if (isComment && (!wasComment || story === undefined))
      stories.push({ title: line.slice(2), comment: [line], blocks: [] });
    else if (isComment) story?.comment.push(line);
    else if (line.trim() === "") block = undefined;
    else if (line === "----") isAnswer = true;
    else {
      if (block === undefined) {
        block = { asked: [], answered: [] };
        isAnswer = false;
        story?.blocks.push(block);
      }
      (isAnswer ? block.answered : block.asked).push(line);
    }
    wasComment = isComment;
  }
  return stories;
}

/** Writes a story as its file has it. */
export function writeStory(story: Story): string {
  const blocks = story.blocks.map(({ asked, answered }) => [...asked, "----", ...answered].join("\n"));
  return [`${story.comment.join("\n")}\n${blocks[0] ?? ""}`, ...blocks.slice(1)].join("\n\n");
}

/** Plays a story; answers it with the answers that came. @throws Error naming the line that it can't read. */
export function playStory(story: Story): Story {
  const stage = new Stage(story);
  const blocks = story.blocks.map(({ asked }) => ({ asked, answered: stage.play(asked) }));
  return { ...story, blocks };
}

const VERBS: ReadonlyMap<string, number> = new Map([
  ["acquire", KIND_ACQUIRE],
  ["release", KIND_RELEASE],
  ["renew", KIND_RENEW],
  ["check", KIND_CHECK],
  ["cancel", KIND_CANCEL],
  ["position", KIND_ASK_POSITION],
  ["revoke", KIND_REVOKE],
  ["force-release", KIND_FORCE_RELEASE],
  ["list", KIND_LIST],
  ["ask-nonsense", 63],
]);
const MODES: ReadonlyMap<string, number> = new Map([
  ["exclusive", 0],
  ["shared", 1],
  ["permit", 2],
  ["modeless", 9],
]);
/** Sessions that are not silent send a keep-alive so often. */
const KEEP_ALIVE_MS = 1_000;
const SESSION_TTL_MS = 30_000;

/** A line, taken apart: its time, and its words of which some have a value. */
interface Line {
  readonly atMs: number | undefined;
  readonly words: readonly string[];
  readonly values: ReadonlyMap<string, string>;
}

function readLine(line: string): Line {
  const [first = "", ...rest] = line.trim().split(/\s+/);
  const time = parseDuration(first);
  const words = time.kind === "quantity" ? rest : [first, ...rest];
  const values = new Map<string, string>();
  const bare = words.filter((word) => {
    const [name = "", value] = word.split(/=(.*)/s);
    if (value === undefined) return true;
    values.set(name, value);
    return false;
  });
  return { atMs: time.kind === "quantity" ? time.value : undefined, words: bare, values };
}

/** A shard, its callers by name, and what they asked. */
class Stage {
  readonly #driver: ShardDriver;
  readonly #callers = new Map<string, Caller>();
  readonly #resources = new Set<string>();
  /** What each request of each caller was about. */
  readonly #asked = new Map<string, { readonly op: number; readonly resource: string }>();
  #isLate = false;
  #told: string[] = [];

  constructor(story: Story) {
    const lines = story.blocks.flatMap((block) => block.asked).map(readLine);
    const limits: Partial<Record<keyof Limits, number>> = {};
    const tables: { claims?: number; clients?: number; outcomes?: number } = {};
    for (const { words, values } of lines) {
      if (words[0] === "limits")
        for (const name of limitNames) if (values.has(name)) limits[name] = numberOf(values.get(name));
      if (words[0] === "tables")
        for (const name of tableNames) if (values.has(name)) tables[name] = numberOf(values.get(name));
      if (VERBS.has(words[1] ?? "") && words[1] !== "list") this.#resources.add(words[2] ?? "");
    }
    const options: DriverOptions = { ...tables, limits };
    this.#driver = new ShardDriver(options);
  }

  /** Plays the lines of one block: those of one time are one turn, and one without a time is of the turn before. */
  play(lines: readonly string[]): readonly string[] {
    this.#told = [];
    this.#openPaths(lines.map(readLine));
    let turnAt = this.#driver.nowMs;
    let isOpen = false;
    const asked: { caller: Caller; id: number }[] = [];
    const endTurn = (): void => {
      if (isOpen) this.#turn(turnAt, asked);
      isOpen = false;
      asked.length = 0;
    };
    for (const text of lines) {
      const line = readLine(text);
      if (line.atMs !== undefined && (line.atMs !== turnAt || !isOpen)) {
        endTurn();
        this.#advance(line.atMs);
        turnAt = line.atMs;
        isOpen = true;
      }
      if (line.words.length === 0) continue;
      if (this.#direct(line, endTurn)) continue;
      isOpen = true;
      this.#act(text, line, asked);
    }
    endTurn();
    return this.#told;
  }

  /** What happens around the callers. Answers whether the line was of that kind. */
  #direct({ words }: Line, endTurn: () => void): boolean {
    const [name = "", verb = ""] = words;
    if (name === "limits" || name === "tables") return true;
    if (name === "late") this.#isLate = true;
    else if (name === "hold") {
      endTurn();
      this.#driver.isHeld = true;
    } else if (name === "commit") {
      endTurn();
      this.#driver.isHeld = false;
      this.#tell(this.#driver.commit(), this.#driver.nowMs);
    } else if (name === "restart") {
      endTurn();
      this.#driver.restart();
      this.#driver.isHeld = false;
    } else if (name === "reserve") this.#driver.shard.engine.refusesGrowth = verb === "reached";
    else if (verb === "session" || verb === "bare") return true;
    else if (verb === "silent") this.#caller(name).isSilent = true;
    else if (verb === "deaf") this.#caller(name).isDeaf = true;
    else if (verb === "hears") this.#caller(name).isDeaf = false;
    else return false;
    return true;
  }

  /** Sessions open their first path before the block in which they ask; only what they ask is of the story. */
  #openPaths(lines: readonly Line[]): void {
    const isOwn = new Set<Caller>();
    let isAny = false;
    for (const { words, values } of lines) {
      const [name = "", verb = ""] = words;
      if (verb === "session" || verb === "bare") this.#addCaller(name, verb === "session", values);
      if (!VERBS.has(verb) && verb !== "path") continue;
      const caller = this.#caller(name);
      if (verb === "path") isOwn.add(caller);
      if (!caller.isSession || caller.path !== 0 || isOwn.has(caller)) continue;
      this.#driver.openPath(caller);
      isAny = true;
    }
    if (isAny) this.#driver.turn(this.#driver.nowMs);
  }

  #addCaller(name: string, isSession: boolean, values: ReadonlyMap<string, string>): Caller {
    const principal = values.get("principal") ?? name;
    const ttlMs = values.has("ttl") ? milliseconds(values.get("ttl")) : SESSION_TTL_MS;
    const address = values.get("address") ?? "10.0.0.1:1";
    const key = values.has("key") ? { keyNumber: numberOf(values.get("key")) } : {};
    const caller = this.#driver.addCaller({ name, isSession, ttlMs, principal, address, ...key });
    this.#callers.set(name, caller);
    return caller;
  }
  #caller(name: string): Caller {
    return this.#callers.get(name) ?? this.#addCaller(name, true, new Map());
  }

  /** Runs the turns that a worker would run until then, but not that at `toMs`. */
  #advance(toMs: number): void {
    const isLate = this.#isLate;
    this.#isLate = false;
    for (let now = this.#driver.nowMs; !isLate; now = this.#driver.nowMs) {
      const keepers = [...this.#callers.values()].filter(
        (caller) => caller.isSession && caller.path !== 0 && !caller.isSilent,
      );
      const keepAt =
        keepers.length === 0 ? Number.POSITIVE_INFINITY : (Math.floor(now / KEEP_ALIVE_MS) + 1) * KEEP_ALIVE_MS;
      const next = Math.min(keepAt, Math.max(this.#driver.nextDueMs, now + 1));
      if (next >= toMs) return;
      if (next === keepAt) this.#driver.keepAlive(keepers);
      this.#tell(this.#driver.turn(next), toMs);
    }
  }

  #turn(atMs: number, asked: readonly { caller: Caller; id: number }[]): void {
    const told = this.#driver.turn(atMs);
    this.#tell(told, atMs);
    for (const { caller, id } of asked) {
      const isAnswered = told.some(({ reply, caller: answered }) => answered === caller && reply.id === id);
      if (!isAnswered && !this.#driver.isHeld) this.#tellPlace(caller, id);
    }
    for (let turns = 0; this.#driver.isBehind && turns < 100; turns++) this.#tell(this.#driver.turn(atMs), atMs);
  }

  /** A request without an answer waits: says where it stands. */
  #tellPlace(caller: Caller, id: number): void {
    const { claims, clients, resources } = this.#driver.shard.state;
    const client = clients.find(this.#driver.paths, caller.path);
    for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
      const claim = claims.at(row);
      if (claims.client(claim) !== client || claims.requestId(row) !== id) continue;
      let place = 1;
      for (let before = claims.previous(claim); before !== 0; before = claims.previous(before)) place++;
      const of = resources.waiters(claims.resource(claim));
      this.#told.push(
        `${caller.name} waiting ${this.#about(caller, id)}position=${place}${of === place ? "" : ` of ${of}`}`,
      );
    }
  }

  #tell(told: readonly Told[], inputMs: number): void {
    for (const { caller, reply, atMs } of told) {
      if (atMs !== inputMs && reply.kind === KIND_KEPT) continue;
      const op = this.#asked.get(`${caller.name} ${reply.id}`)?.op ?? 0;
      const about = this.#about(caller, reply.id);
      const text = tellReply(reply, { caller, op, about, nowMs: atMs, callers: this.#driver.callers });
      this.#told.push(`${atMs === inputMs ? "" : `${formatDuration(atMs)}  `}${caller.name} ${text}`);
    }
  }

  /** The resource, where a story has more than one. */
  #about(caller: Caller, id: number): string {
    const resource = this.#asked.get(`${caller.name} ${id}`)?.resource ?? "";
    return this.#resources.size > 1 && resource !== "" ? `${resource} ` : "";
  }

  #act(text: string, line: Line, asked: { caller: Caller; id: number }[]): void {
    const [name = "", verb = "", resource = ""] = line.words;
    const caller = this.#caller(name);
    if (verb === "path") return this.#driver.openPath(caller);
    if (verb === "keepalive") return this.#driver.keepAlive([caller]);
    if (verb === "close") return this.#driver.close(caller);
    const op = VERBS.get(verb);
    if (op === undefined) throw new Error(`no such line in a story: ${text}`);
    const asking = this.#asking(op, resource, line);
    const id = this.#driver.ask(caller, { ...asking, token: this.#tokenOf(caller, asking, line.values) });
    this.#asked.set(`${name} ${id}`, { op, resource });
    asked.push({ caller, id });
  }

  #asking(op: number, resource: string, { words, values }: Line): Asking {
    const options = words.slice(3);
    const mode = options.map((word) => MODES.get(word)).find((number) => number !== undefined);
    const isBound = options.includes("bound");
    const id = values.get("id");
    return {
      op,
      resource: op === KIND_LIST ? resource.replace(/\*$/, "") : resource,
      ...(id === undefined ? {} : { id: numberOf(id) }),
      mode: mode ?? (values.has("permits") ? 2 : 0),
      ttlMs: values.has("ttl")
        ? milliseconds(values.get("ttl"))
        : op === KIND_ACQUIRE && !isBound
          ? LIMITS_DEFAULT.ttlDefaultMs
          : 0,
      waitMs: milliseconds(values.get("wait")),
      lockDelayMs: milliseconds(values.get("delay")),
      permits: numberOf(values.get("permits") ?? values.get("limit")),
      extra: values.has("metadata-size")
        ? "m".repeat(numberOf(values.get("metadata-size")))
        : (values.get("metadata") ?? values.get("reason") ?? ""),
      isLoose: options.includes("loose"),
    };
  }

  /** `token=12`, `token=alice` (the last that alice was told), or by default the caller's own last; `wait=` for a cancel. */
  #tokenOf(caller: Caller, asking: Asking, values: ReadonlyMap<string, string>): number {
    const { op, resource } = asking;
    if (op === KIND_LIST) return numberOf(values.get("from"));
    if (op === KIND_CANCEL || op === KIND_ASK_POSITION) {
      const meant = values.get("wait-id");
      return meant === undefined ? this.#lastAcquire(caller, resource ?? "") : numberOf(meant);
    }
    const told = values.get("token");
    if (told === "all" || op === KIND_ACQUIRE || op === KIND_CHECK) return 0;
    const holder = told === undefined ? caller : this.#callers.get(told);
    return holder === undefined ? numberOf(told) : (holder.tokens.get(resource ?? "") ?? 0);
  }

  #lastAcquire(caller: Caller, resource: string): number {
    for (let id = caller.lastId; id > 0; id--) {
      const request = this.#asked.get(`${caller.name} ${id}`);
      if (request?.op === KIND_ACQUIRE && request.resource === resource) return id;
    }
    return 0;
  }
}

const limitNames: readonly (keyof Limits)[] = [
  "ttlMinMs",
  "waitersPerResourceMax",
  "unansweredPerSessionMax",
  "unreadOutcomesMax",
  "metadataBytesMax",
  "waitingGraceMs",
  "permitsMax",
];
const tableNames = ["claims", "clients", "outcomes"] as const;

function numberOf(text: string | undefined): number {
  return text === undefined ? 0 : Number(text);
}
/** Durations with units; numbers as they are, so that a story can ask for what is no duration. */
function milliseconds(text: string | undefined): number {
  if (text === undefined) return 0;
  const parsed = parseDuration(text);
  return parsed.kind === "quantity" ? parsed.value : Number(text);
}
