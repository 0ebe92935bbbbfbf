/** What is said where a program of Debian's, Go, or a module of Go's cannot be had. Istio and Zipkin have tests of their own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { locateCertificateDefinition } from "./cert-manager.ts";
import { locateDockerd } from "./docker.ts";
import { goModule } from "./go-tool.ts";
import { locateProgram } from "./program.ts";
import { locateRedis } from "./redis.ts";

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-locate-"));
  env = { PATH: folder, XDG_CACHE_HOME: join(folder, "cache") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, script = ""): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("a program of Debian's", () => {
  test("is that on the PATH", async () => {
    const path = program("wget");
    expect(await locateProgram("wget", "wget", undefined, env)).toBe(path);
  });

  test("is told of with its package, and with where else it can be had", async () => {
    await expect(locateProgram("sh", "dash", undefined, env)).rejects.toThrow(
      "no sh: it is not on the PATH\nInstall it: apt-get install dash.",
    );
    await expect(locateRedis(env)).rejects.toThrow(
      /Install it: apt-get install redis-server \(or https:.*\)\.$/,
    );
  });
});

test("of Docker it is told which half is missing, and that Debian has them in two packages from 13 on", async () => {
  const remedy =
    "\nInstall it: apt-get install docker.io, and docker-cli where there is such a package (Debian 13)";
  await expect(locateDockerd(env)).rejects.toThrow(`no Docker: dockerd is not on the PATH${remedy}`);
  program("dockerd");
  await expect(locateDockerd(env)).rejects.toThrow(`no Docker: docker is not on the PATH${remedy}`);
});

describe("the source of a Go module", () => {
  const tool = {
    name: "tool",
    module: "example.org/tool",
    package: "./cmd",
    version: "v1.0.0",
    go: "1.24.9",
  };

  test("needs Go, and it is told which", async () => {
    await expect(goModule(tool, env)).rejects.toThrow(
      "no tool: go is not installed\nInstall Go 1.24.9 or later",
    );
    await expect(locateCertificateDefinition(env)).rejects.toThrow(
      /^no cert-manager: go is not installed\nInstall Go \S+ or later/,
    );
  });

  test("cannot be fetched, and why is quoted", async () => {
    program("go", "echo unknown revision; exit 1");
    await expect(goModule(tool, env)).rejects.toThrow(
      "no tool: go mod download example.org/tool@v1.0.0 failed (1):\nunknown revision\nInstall Go 1.24.9",
    );
  });
});
