// The imports that each room of src may have, made from the one record of rooms (rooms.json), so that a room's line is
// changed in one place and every checker follows.
const rooms = require("./rooms.json");

/** Rooms import what the record lists, and nothing else of src. */
const roomRules = Object.entries(rooms).map(([room, { imports }]) => ({
  name: `room-${room}`,
  comment: `src/${room} may import only: ${[room, ...imports].join(", ")} (config/tools/rooms.json).`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: "^(src|test|native-bench)/", pathNot: `^src/(${[room, ...imports].join("|")})/` },
}));

/** A pure room that reaches a clock, a disk or a socket can't be simulated, so it reaches no module of Node. */
const purityRules = Object.entries(rooms)
  .filter(([, { pure }]) => pure)
  .flatMap(([room, { packages }]) => [
    {
      name: `pure-${room}-node`,
      comment: `src/${room} is pure: no module of Node.`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: `pure-${room}-packages`,
      comment: `src/${room} is pure: ${packages.length === 0 ? "no package" : `only ${packages.join(", ")}`}.`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: {
        path: "(^|/)node_modules/",
        ...(packages.length === 0 ? {} : { pathNot: `node_modules/(@types/)?(${packages.join("|")})/` }),
      },
    },
  ]);

module.exports = {
  forbidden: [
    ...roomRules,
    ...purityRules,
    {
      name: "in-a-room",
      comment: "Each file of src lies in a room of the record.",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(${Object.keys(rooms).join("|")})/` },
      to: {},
    },
    {
      name: "no-circle",
      comment: "A circular import: the shared word moves up to words/, or the file is two things.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "An import that no file answers.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "shipped",
      comment: "What is shipped must not import what is installed for development only.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], pathNot: "node_modules/@types/" },
    },
  ],
  options: {
    exclude: { path: "^native-bench/build/" },
    doNotFollow: { path: ["node_modules"] },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true, // Types count: a type fetched from below is an import too.
    moduleSystems: ["es6", "cjs"],
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".cjs", ".json", ".d.ts"],
    },
  },
};
