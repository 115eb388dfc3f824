import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vite";

/** The folder of all files but the shell, and the first part of their paths; the server knows it as well. */
const FILES = "webmail";

export default defineConfig({
  plugins: [svelte(), followSystem(), compressed()],
  build: {
    target: "es2022",
    outDir: "../src/pillarbox/webmail_built",
    emptyOutDir: true,
    assetsDir: FILES,
    // The page's policy allows what comes from files only
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

/** Colours follow the system until somebody chooses: the tokens of a theme once more under what the system says. */
function followSystem(): Plugin {
  const asked = { dark: "(prefers-color-scheme: dark)", contrast: "(prefers-contrast: more)" };
  return {
    name: "follow-system",
    enforce: "pre",
    transform(css, id) {
      if (!id.split("?")[0]?.endsWith("/tokens.css")) return null;
      let code = css;
      for (const [theme, condition] of Object.entries(asked)) {
        const block = new RegExp(`^\\[data-theme="${theme}"\\] (\\{[^}]*\\})`, "m").exec(css)?.[1];
        if (block === undefined) throw new Error(`tokens.css has no theme ${theme}`);
        code += `\n@media ${condition} { :root:not([data-theme]) ${block} }\n`;
      }
      return { code, map: null };
    },
  };
}

/** Beside each file the same compressed, where that is smaller. */
function compressed(): Plugin {
  const asText = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT };
  return {
    name: "compressed",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const octets = Buffer.from(file.type === "chunk" ? file.code : file.source);
        const forms = {
          br: brotliCompressSync(octets, { params: asText }),
          gz: gzipSync(octets, { level: 9 }),
        };
        for (const [suffix, source] of Object.entries(forms)) {
          if (source.length < octets.length * 0.9) {
            this.emitFile({ type: "asset", fileName: `${file.fileName}.${suffix}`, source });
          }
        }
      }
    },
  };
}
