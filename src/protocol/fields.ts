/**
 * Reads the fields of one message that came from outside. Each field becomes what PROTOCOL.md
 * says it is, or the whole message is refused with the place.
 */

/** Bytes or values that are not the protocol. The message says where, what was seen and what belongs there. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code = "malformed";
}

/** The fields of one message, by index; `what` names it in errors. The array is lent. */
export class Fields {
  readonly #fields: readonly unknown[];
  readonly #what: string;

  constructor(fields: readonly unknown[], what: string) {
    this.#fields = fields;
    this.#what = what;
  }

  get size(): number {
    return this.#fields.length;
  }

  /** A whole number from 0 to 2^53 - 1. @throws ProtocolError */
  count(index: number): number {
    const value = this.#fields[index];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#refuse(index, "a whole number from 0");
  }

  /** As count, but 0 where the field is left out or nil. @throws ProtocolError */
  countOrZero(index: number): number {
    return this.#fields[index] === undefined || this.#fields[index] === null ? 0 : this.count(index);
  }

  /** Milliseconds, or undefined for -1 and for a field left out: no deadline of its own. @throws ProtocolError */
  leftMs(index: number): number | undefined {
    const value = this.#fields[index];
    return value === -1 || value === undefined || value === null ? undefined : this.count(index);
  }

  /** A boolean, or 0 or 1. @throws ProtocolError */
  flag(index: number): boolean {
    const value = this.#fields[index];
    if (value === true || value === 1) return true;
    if (value === false || value === 0) return false;
    return this.#refuse(index, "a boolean, 0 or 1");
  }

  /** @throws ProtocolError */
  text(index: number): string {
    const value = this.#fields[index];
    return typeof value === "string" ? value : this.#refuse(index, "a string");
  }

  /** "" where the field is left out or nil. @throws ProtocolError */
  textOrEmpty(index: number): string {
    return this.textOrNone(index) ?? "";
  }

  /** @throws ProtocolError */
  textOrNone(index: number): string | undefined {
    const value = this.#fields[index];
    return value === undefined || value === null ? undefined : this.text(index);
  }

  /** @throws ProtocolError */
  array(index: number): readonly unknown[] {
    const value: unknown = this.#fields[index];
    return isArray(value) ? value : this.#refuse(index, "an array");
  }

  /** The rows of an array of arrays, each as fields. @throws ProtocolError */
  rows(index: number): readonly Fields[] {
    return this.array(index).map((row, at) => {
      if (isArray(row)) return new Fields(row, `${this.#what}[${index}][${at}]`);
      return this.#refuse(index, "an array of arrays");
    });
  }

  /** The fields of one array within. @throws ProtocolError */
  row(index: number): Fields {
    return new Fields(this.array(index), `${this.#what}[${index}]`);
  }

  /** @throws ProtocolError */
  counts(index: number): readonly number[] {
    const row = this.row(index);
    return Array.from({ length: row.size }, (_, at) => row.count(at));
  }

  /** A map with keys that are strings. @throws ProtocolError */
  map(index: number): MapFields {
    return mapFields(this.#fields[index], `${this.#what}[${index}]`);
  }

  #refuse(index: number, expected: string): never {
    throw new ProtocolError(`malformed: ${this.#what}[${index}] is ${shown(this.#fields[index])}, not ${expected}`);
  }
}

/** The fields of a map, by name. */
export class MapFields {
  readonly #entries: ReadonlyMap<string, unknown>;
  readonly #what: string;

  constructor(entries: ReadonlyMap<string, unknown>, what: string) {
    this.#entries = entries;
    this.#what = what;
  }

  /** One field as the only one of a message, so that the same readers serve. */
  at(name: string): Fields {
    return new Fields([this.#entries.get(name)], `${this.#what}.${name}`);
  }

  bytesOrNone(name: string): Uint8Array | undefined {
    const value = this.#entries.get(name);
    if (value === undefined || value === null) return undefined;
    if (value instanceof Uint8Array) return value;
    throw new ProtocolError(`malformed: ${this.#what}.${name} is ${shown(value)}, not bytes`);
  }

  /** Those entries whose values are whole numbers from 0; a later version may add others. */
  numbers(): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const [name, value] of this.#entries) {
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) found.set(name, value);
    }
    return found;
  }
}

/** @throws ProtocolError if `value` is not a map with names. */
function mapFields(value: unknown, what: string): MapFields {
  if (isNamed(value)) return new MapFields(value, what);
  throw new ProtocolError(`malformed: ${what} is ${shown(value)}, not a map`);
}

/** field-reader.ts makes a Map of nothing but named fields. */
function isNamed(value: unknown): value is ReadonlyMap<string, unknown> {
  return value instanceof Map;
}

/** As Array.isArray, but what is inside stays unknown. */
export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return "left out";
  if (value === null) return "nil";
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return isArray(value) ? `an array of ${value.length}` : "something else";
}
