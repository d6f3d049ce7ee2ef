/**
 * Plays every scenario file of the engine. REWRITE=1 writes the answers that came into the files; commit only what you
 * can explain.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { playStory, readStories, writeStory } from "./story.js";

// Compiled tests run from dist/test/scenarios; the files stay with the sources.
const folder = new URL("../../../test/scenarios/engine/", import.meta.url);
const rewrites = (process.env["REWRITE"] ?? "") !== "";
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test("there are scenario files to play", () => {
  assert.ok(files.length > 5, `only ${files.length} in ${folder.pathname}`);
});

for (const name of files) {
  const text = readFileSync(new URL(name, folder), "utf8");
  const stories = readStories(text);
  test(`${name}: what the stories say is what the file says`, () => {
    assert.ok(stories.length > 0);
    if (!rewrites) assert.equal(text, `${stories.map(writeStory).join("\n\n")}\n`);
  });
  for (const story of stories) {
    test(`${name}: ${story.title}`, () => {
      const played = playStory(story);
      if (!rewrites) assert.equal(writeStory(played), writeStory(story));
    });
  }
  if (rewrites) writeFileSync(new URL(name, folder), `${stories.map(playStory).map(writeStory).join("\n\n")}\n`);
}
