import globals from "globals";
import svelte from "eslint-plugin-svelte";
import tseslint from "typescript-eslint";

// What the page's policy forbids, or would send a request to somebody else; and Svelte's state below views.
const FORBIDDEN = [
  {
    selector: "CallExpression[callee.name='$state']",
    message: "Records are $state.raw: storage and other tabs take no Proxy",
  },
  {
    selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]",
    message: "No HTML from text",
  },
];

export default tseslint.config(
  { ignores: ["**/*.json"] },
  tseslint.configs.strictTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, extraFileExtensions: [".svelte"] },
    },
    rules: {
      eqeqeq: "error",
      "no-restricted-syntax": ["error", ...FORBIDDEN],
      "@typescript-eslint/no-invalid-void-type": ["error", { allowAsThisParameter: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      "svelte/no-at-html-tags": "error",
      "svelte/no-inline-styles": "error",
      "svelte/no-target-blank": "error",
      "svelte/require-each-key": "error",
      // An address of the page is a path of its own
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  {
    files: ["*.config.*"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: globals.node, parserOptions: { projectService: false } },
  },
);
