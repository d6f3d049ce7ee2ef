/** What `import … from "holdfast"` gives, and the only barrel: all else is ours to change. */
export { Holdfast } from "./holdfast.js";
export type { EndOptions } from "./holdfast.js";
export { History } from "./history.js";
export type { HistoryOptions, HistorySink } from "./history.js";
export { openHistoryFile } from "./history-file.js";
export type { HistoryFile } from "./history-file.js";
export type { CampaignOptions, Election, ElectOptions, Leadership } from "./election.js";
export type { PendingLock } from "./pending-lock.js";
export type { Lock } from "./lock.js";
export type { ReleaseResult } from "./lock.js";
export type { CheckResult, ListedClaim, QueuePosition, WatchEvent } from "./results.js";
export type { Holder } from "../protocol/server-messages.js";
export type {
  AcquireOptions,
  ConnectOptions,
  DetachedClaim,
  DetachedOptions,
  Duration,
  ListOptions,
  LockMode,
  WatchOptions,
} from "./options.js";
export {
  AbandonedError,
  BusyError,
  CancelledError,
  ClosedError,
  ConnectRefusedError,
  HoldfastError,
  InDoubtError,
  InvalidOptionError,
  LockLostError,
  LostError,
  NotGotError,
  NotHeldError,
  RefusedError,
  RevokedError,
  ServerProtocolError,
  TimedOutError,
  UnavailableError,
} from "./errors.js";
