// Which part of the page may know which: jmap < model < actions < views < app. Arrows point down only.
const LAYERS = ["jmap", "model", "actions", "views", "app"];

module.exports = {
  forbidden: [
    ...LAYERS.slice(0, -1).map((layer, index) => ({
      name: `${layer}-knows-nothing-above-it`,
      severity: "error",
      from: { path: `^src/${layer}/` },
      to: { path: `^src/(${LAYERS.slice(index + 1).join("|")})/` },
    })),
    {
      name: "svelte-is-for-views",
      comment: "What is below views has no reactive state: it goes to storage and to other tabs",
      severity: "error",
      from: { path: `^src/(jmap|model|actions)/` },
      to: { path: "node_modules/svelte|[.]svelte$|[.]svelte[.]ts$" },
    },
    {
      name: "in-a-layer",
      comment: "Every file belongs to one",
      severity: "error",
      from: {},
      to: { path: "^src/", pathNot: `^src/(${LAYERS.join("|")})/` },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "all-found", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["svelte", "import", "types", "default"],
    },
  },
};
