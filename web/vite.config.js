import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig } from "vite";

// The program embeds this folder; what git keeps in it stays.
const dist = resolve(import.meta.dirname, "../server/ui/dist");
const kept = new Set([".gitignore"]);

// pack empties the folder before a build and packs every file after it, so that the
// program has nothing to pack when it serves.
function pack() {
  const files = (folder) =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? files(path) : [path];
    });
  return {
    name: "pack",
    apply: "build",
    buildStart() {
      for (const name of readdirSync(dist)) if (!kept.has(name)) rmSync(join(dist, name), { recursive: true });
    },
    closeBundle() {
      for (const path of files(dist)) {
        if (kept.has(path.slice(dist.length + 1))) continue;
        const text = readFileSync(path);
        writeFileSync(path + ".gz", gzipSync(text, { level: 9 }));
        writeFileSync(path + ".br", brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
      }
    },
  };
}

export default defineConfig({
  build: {
    outDir: dist,
    emptyOutDir: false,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    rollupOptions: { input: ["index.html", "signin.html"] },
  },
  plugins: [pack()],
});
