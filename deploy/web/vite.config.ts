import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import spdx from "spdx-license-list/full.js";
import { defineConfig, type Plugin } from "vite";

const root = resolve(import.meta.dirname, "../..");
const own = resolve(root, "models/facemask.tflite");
const published = resolve(root, "results/published");
const [model, details] =
  existsSync(own) && !process.env.PUBLISHED
    ? [own, resolve(root, "details")]
    : [resolve(published, "facemask.tflite"), resolve(published, "details")];

/** Tell the service worker which files the page has; a changed file makes a new cache. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    enforce: "post", // after the page itself is in the bundle
    generateBundle(_, bundle) {
      const { "sw.js": worker, ...others } = bundle;
      if (worker?.type !== "chunk") throw new Error("sw.js is missing");
      const hash = createHash("sha256");
      for (const file of Object.values(others)) {
        hash.update(file.type === "chunk" ? file.code : file.source);
      }
      const folder = resolve(import.meta.dirname, "public");
      const copied = readdirSync(folder);
      for (const file of copied) hash.update(readFileSync(resolve(folder, file)));
      const files = [...Object.keys(others), ...copied];
      worker.code = worker.code
        .replace("__FILES__", JSON.stringify(files))
        .replace("__VERSION__", JSON.stringify(hash.digest("hex")));
    },
  };
}

/** Write the authors and licences of all that is in the bundle into `third-party.txt`. */
function noticeThirdParties(): Plugin {
  return {
    name: "notice-third-parties",
    generateBundle() {
      const folders = [...this.getModuleIds()].map(
        (id) => id.match(/^.*\/node_modules\/(@[^/]+\/)?[^/]+(?=\/)/)?.[0],
      );
      const packages = [...new Set(folders)].filter((folder) => folder !== undefined);
      const notices = [...packages.map(notice), faceFinderNotice()];
      this.emitFile({
        type: "asset",
        fileName: "third-party.txt",
        source: notices.sort().join(`\n${"-".repeat(80)}\n\n`),
      });
    },
  };
}

function faceFinderNotice(): string {
  const licence = readFileSync(resolve(root, "LICENSES/MIT.txt"), "utf8");
  return `CenterFace (https://github.com/Star-Clouds/CenterFace), face_finder.tflite\nLicence: MIT\n\n${licence}`;
}

/** Return a package's name and licence; the text is its own or, if it has none, that of SPDX. */
function notice(folder: string): string {
  const { name, version, license, homepage, repository } = JSON.parse(
    readFileSync(resolve(folder, "package.json"), "utf8"),
  );
  const own = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = own.map((file) => readFileSync(resolve(folder, file), "utf8"));
  if (!texts.length) texts.push(spdx[license].licenseText);
  const origin = homepage ?? repository?.url;
  return `${name} ${version} (${origin})\nLicence: ${license}\n\n${texts.join("\n")}`;
}

export default defineConfig({
  base: "./", // the folder may lie anywhere on its host
  assetsInclude: ["**/*.tflite"],
  resolve: {
    alias: [
      { find: /^@model(?=\?)/, replacement: model },
      { find: "@details", replacement: details },
    ],
  },
  plugins: [noticeThirdParties(), listFiles()],
  server: { fs: { allow: [root] } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the security policy has no data: addresses
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
