// A reporter of knip that prints one line, and fails where knip looked at fewer files than there are: a checker that
// looked at nothing has not passed.
import { sources } from "./sources.js";

export default function sawAll({ counters, cwd }) {
  const there = sources(cwd).length;
  console.log(`knip: ${counters.total} files seen, ${there} there`);
  if (there === 0 || counters.total < there) throw new Error("knip did not see every file");
}
