#!/usr/bin/env node
// What `npx outrigger` runs. It is not the bundle itself, since npx links a package's command once: one that is not
// built yet would stay "not found" for ever.
import { existsSync } from "node:fs";

const bundle = new URL("../build/cli/outrigger.js", import.meta.url);
if (existsSync(bundle)) await import(bundle.href);
else {
  console.error("error: outrigger is not built yet; run `make build` first");
  process.exitCode = 2;
}
