/** 64 bits of a digest as two lanes of 32, and numbers for the words that go into it. */
const KINDS = [
  ..."office where begin entries refuse fetch tail pages ask here tell hand-over lost-data digest leave".split(" "),
  ..."none learner backup taking-over primary apart asked answered reading streaming".split(" "),
  ..."granted busy released free held not-held read compare-and-swap smaller-epoch gap no-part".split(" "),
  ..."written not-written append cut remember remember-committed throw-away store-pages".split(" "),
];
const CODES = new Map(KINDS.map((kind, index) => [kind, index + 1]));

/** Takes numbers one after another; each changes both lanes. */
export class Lanes {
  high: number = 0x2545f491;
  low: number = 0x1b873593;

  add(value: number): void {
    this.high = Math.imul(this.high ^ value, 0x85ebca6b);
    this.high ^= this.high >>> 13;
    this.low = Math.imul(this.low ^ (value + 0x165667b1), 0xc2b2ae35);
    this.low ^= this.low >>> 16;
  }
  flag(one: boolean): void {
    this.add(one ? 3 : 5);
  }
  word(word: string): void {
    const code = CODES.get(word);
    if (code === undefined) throw new Error(`no code for ${word}`);
    this.add(code);
  }
}
