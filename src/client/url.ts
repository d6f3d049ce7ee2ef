/**
 * Where the servers are, as people write it: `holdfast://[key@]host:port[,host:port…]`.
 */
import { InvalidOptionError } from "./errors.js";

/** Where a client goes when nobody says anything else. */
export const DEFAULT_URL = "holdfast://127.0.0.1:7400";
const DEFAULT_PORT = "7400";

/** What a URL says. */
export interface ServerUrl {
  /** `host:port`, at least one. */
  readonly addresses: readonly string[];
  /** The API key, or "". */
  readonly key: string;
}

/** @throws InvalidOptionError if the text is no such URL; it does not repeat the key. */
export function parseServerUrl(text: string): ServerUrl {
  const match = /^holdfast:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/.exec(text);
  const hosts = match?.[2]?.split(",") ?? [];
  if (hosts.length === 0 || hosts.some((host) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+)(:\d{1,5})?$/.test(host))) {
    throw new InvalidOptionError("url is not of the form holdfast://[key@]host:port[,host:port]");
  }
  const addresses = hosts.map((host) => (/:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`));
  return { addresses, key: decodeURIComponent(match?.[1] ?? "") };
}
