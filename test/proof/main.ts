/** `make proof`: writes test/PROOF.md. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../house/house.js";
import { proofPage } from "./page.js";
import { readProof } from "./proof-lines.js";
import { sourceTree } from "./source-tree.js";

const lines = readProof();
writeFileSync(join(root, "test/PROOF.md"), proofPage(lines, sourceTree()));
console.log(`test/PROOF.md: ${lines.length} lines of proof`);
