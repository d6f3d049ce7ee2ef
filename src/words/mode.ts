/** In which way a claim wants its resource: alone, with others who share, or as one of N permits (system.md §1). */
export type Mode = "exclusive" | "shared" | "permit";

/** The modes as the tables and the protocol number them. */
export const MODE_EXCLUSIVE = 0;
export const MODE_SHARED = 1;
export const MODE_PERMIT = 2;

/** The mode behind a number; undefined if there is none. */
export function modeOf(code: number): Mode | undefined {
  return code === MODE_EXCLUSIVE
    ? "exclusive"
    : code === MODE_SHARED
      ? "shared"
      : code === MODE_PERMIT
        ? "permit"
        : undefined;
}
