/**
 * Marks in the code for the simulator. Neither is a hidden input: `sometimes` only counts, and `unlikely` never decides
 * what is right, only which of two lawful ways is gone (a smaller batch, an earlier flush, a refusal that a caller must
 * bear anyway), so each rule must hold whatever it answers. In production nobody listens: one check of a variable that
 * is null. Hot path (`make bench`): no object; give names as literals.
 */

/** Who listens: the simulator, for the length of one run. */
export interface RareListener {
  sometimes(name: string, condition: boolean): void;
  unlikely(name: string): boolean;
}

let listener: RareListener | null = null;

/** Lets `next` listen in this thread, and nobody else; null: nobody, as in production. */
export function listenToRare(next: RareListener | null): void {
  listener = next;
}

/** Marks a state that is rare and matters: a release needs each name seen with its condition true in some run. */
export function sometimes(name: string, condition: boolean): void {
  if (listener !== null) listener.sometimes(name, condition);
}

/** Whether to go a rare, lawful way here. Always false in production. */
export function unlikely(name: string): boolean {
  return listener !== null && listener.unlikely(name);
}
