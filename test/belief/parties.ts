/** Which client processes a batch has, and what may happen to each: those whose clocks can be moved are apart. */
import { fakeClockMissing } from "./fake-clock.js";
import type { MomentKind } from "./moments.js";

const PROCESS: readonly MomentKind[] = ["stopped", "busy", "stopped-while-busy"];
const WIRE: readonly MomentKind[] = ["held-up", "delivered-late", "repeated", "played-anew"];
const WALL: readonly MomentKind[] = ["wall-ahead", "wall-back", "busy"];
const SUSPENDED: readonly MomentKind[] = ["suspended", "stopped-while-busy"];
/** Nothing happens to it: it is there to be granted what others lose. */
const QUIET: readonly MomentKind[] = [];

/** Clients on one true clock that is exact. */
export const EXACT: readonly (readonly MomentKind[])[] = [
  PROCESS,
  PROCESS,
  [...PROCESS, ...WIRE],
  [...PROCESS, ...WIRE],
  WIRE,
  QUIET,
  ...(fakeClockMissing() === false ? [WALL, [...WALL, ...WIRE]] : [WIRE]),
];

/** Some of whose clocks stand; empty where clocks can't be moved. */
export const STANDING: readonly (readonly MomentKind[])[] =
  fakeClockMissing() === false
    ? [SUSPENDED, SUSPENDED, SUSPENDED, [...SUSPENDED, ...WIRE], [...SUSPENDED, ...WIRE], QUIET]
    : [];

/** Few, for the tests of every run. */
export const FEW: readonly (readonly MomentKind[])[] = [
  [...PROCESS, ...WIRE],
  [...PROCESS, ...WIRE],
  fakeClockMissing() === false ? [...WALL, ...WIRE] : WIRE,
];

/** Those that a client whose belief is a flag set by a timer can't live through. */
export const STOPPED: readonly (readonly MomentKind[])[] = [PROCESS, PROCESS, PROCESS];
