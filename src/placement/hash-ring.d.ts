/**
 * hash-ring 1.0.1 has no types. Only what is sound in it is declared: `getNode()` is left out on purpose, because it
 * compares the text of a key with the points of the ring and so sends every key to one node.
 */
declare module "hash-ring" {
  class HashRing {
    constructor(nodes: readonly string[], options: { readonly hashMethod: "md5" | "crc32"; readonly replicas: number });
    /** Point (with md5 a signed 64-bit number, as decimal text) to the name of the node that it belongs to. */
    readonly rings: Readonly<Record<string, string>>;
  }
  export = HashRing;
}
