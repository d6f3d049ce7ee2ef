/** Explores one bound with the code that stands beside it, and tells what came of it as JSON. */
import { boundNamed } from "./bounds.js";
import { explore } from "./explore.js";

process.stdout.write(JSON.stringify(explore(boundNamed(process.argv[2] ?? ""))));
