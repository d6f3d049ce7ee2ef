/** What the child that is killed writes, so that its parent can tell what must be there. */

/** The body of batch `seq`: its size and its bytes follow from the seq. */
export function bodyOf(seq: number): Buffer {
  return Buffer.alloc(1 + ((seq * 7919) % 9000), seq % 251);
}

/** How many pages there are. */
export const PAGE_KEYS: number = 40;

/** The page that batch `seq` replaces, in the same transaction. */
export function pageKeyOf(seq: number): number {
  return seq % PAGE_KEYS;
}
