import { mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkModules } from "./module-folder.ts";
import { PeerNotFound } from "./process.ts";

const OWN = "/proc/self/cwd/modules";

let folder: string;
let modules: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-modules-"));
  modules = join(folder, "istio/data");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the folder of modules is made a link, once", async () => {
  expect(await linkModules(modules)).toBe(modules);
  expect(readlinkSync(modules)).toBe(OWN);
  expect(await linkModules(modules)).toBe(modules);
});

test("an empty folder in its place is nobody's", async () => {
  mkdirSync(modules, { recursive: true });
  await linkModules(modules);
  expect(readlinkSync(modules)).toBe(OWN);
});

test("one with something in it stays, and it is told what to do", async () => {
  mkdirSync(modules, { recursive: true });
  writeFileSync(join(modules, "module.wasm"), "");
  const refused = await linkModules(modules).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(PeerNotFound);
  const { message } = refused as Error;
  expect(message).toMatch(
    `no pilot-agent: ${modules}, where it keeps modules, cannot be made a link to ${OWN}: ENOTEMPTY`,
  );
  expect(message).toMatch(`sudo ln -s ${OWN} ${modules}`);
});
