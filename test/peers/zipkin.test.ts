/** What is said where Zipkin cannot be had, and that what was fetched is fetched once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bareEnvironment } from "./bare-environment.ts";
import { locateZipkin, ZIPKIN_VERSION } from "./zipkin.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "outrigger-locate-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const environment = (programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv =>
  bareEnvironment(folder, programs);

const JAVA_17 = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`;

test("without Java it says which one to install", async () => {
  await expect(locateZipkin(environment({}))).rejects.toThrow(
    /no Zipkin: java is not on the PATH\nInstall Java 17 or later: apt-get install default-jre-headless/,
  );
});

test("an older Java is refused with its version", async () => {
  const old = environment({ java: `echo 'openjdk version "11.0.2" 2019-01-15' >&2` });
  await expect(locateZipkin(old)).rejects.toThrow(/java is version 11, and 17 is needed/);
});

test("without Maven it says what to install", async () => {
  await expect(locateZipkin(environment({ java: JAVA_17 }))).rejects.toThrow(
    /Maven \(mvn\) is not installed\nInstall Maven: apt-get install maven/,
  );
});

test("a Maven that fails is quoted, and leaves nothing in the cache", async () => {
  const env = environment({ java: JAVA_17, mvn: "echo 'Could not transfer artifact'; exit 1" });
  await expect(locateZipkin(env)).rejects.toThrow(/failed \(1\):\nCould not transfer artifact/);
  expect(readdirSync(join(folder, "cache", "outrigger"))).toEqual([]);
});

test("the jar is fetched once", async () => {
  const fetched = join(folder, "fetched");
  // Its last argument is the folder to fill.
  const mvn = `for word; do :; done; echo x >> ${fetched}; echo jar > "\${word#*=}/zipkin-server-${ZIPKIN_VERSION}-exec.jar"`;
  const env = environment({ java: JAVA_17, mvn });
  const path = await locateZipkin(env);
  expect(path).toBe(join(folder, "cache", "outrigger", `zipkin-${ZIPKIN_VERSION}`, "zipkin.jar"));
  expect(readFileSync(path, "utf8")).toBe("jar\n");
  expect(await locateZipkin(env)).toBe(path);
  expect(readFileSync(fetched, "utf8")).toBe("x\n");
});
