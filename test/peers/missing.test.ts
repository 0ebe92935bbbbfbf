/** What is said where a program of Debian's, Go, or a module of Go's cannot be had. Istio and Zipkin have tests of their own. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { locateCertificateDefinition } from "./cert-manager.ts";
import { locateCrane } from "./crane.ts";
import { locateCompose, locateDockerd } from "./docker.ts";
import { goModule } from "./go-tool.ts";
import { locateHelm } from "./helm.ts";
import { locateIstioRbac } from "./istio-rbac.ts";
import { locateKubectlValidate } from "./kubectl-validate.ts";
import { locateKustomize } from "./kustomize.ts";
import { locateProgram } from "./program.ts";
import { locateRateLimit } from "./ratelimit.ts";
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

describe("a program in Go", () => {
  test.each([
    ["crane", locateCrane],
    ["helm", locateHelm],
    ["kustomize", locateKustomize],
    ["kubectl-validate", locateKubectlValidate],
    ["ratelimit", locateRateLimit],
    ["docker-compose", locateCompose],
    ["istio-rbac", locateIstioRbac],
  ])("%s: without Go it is told which one to install", async (name, locate) => {
    await expect(locate(env)).rejects.toThrow(
      new RegExp(`^no ${name}: go is not installed\\nInstall Go 1\\.\\d+\\.\\d+ or later`),
    );
  });

  test("is built once", async () => {
    const built = join(folder, "built");
    program("go", `[ "$1" = version ] || { echo "$*" >> ${built}; echo > "$GOBIN/kustomize"; }`);
    const path = await locateKustomize(env);
    expect(path).toMatch(/cache\/outrigger\/kustomize-v5\.\d+\.\d+\/kustomize$/);
    expect(await locateKustomize(env)).toBe(path);
    expect(readFileSync(built, "utf8")).toMatch(
      /^install -ldflags -s -w sigs\.k8s\.io\/kustomize\/kustomize\/v5@v5\.\d+\.\d+\n$/,
    );
  });
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
    await expect(goModule(tool)(env)).rejects.toThrow(
      "no tool: go is not installed\nInstall Go 1.24.9 or later",
    );
    await expect(locateCertificateDefinition(env)).rejects.toThrow(
      /^no cert-manager: go is not installed\nInstall Go \S+ or later/,
    );
  });

  test("cannot be fetched, and why is quoted", async () => {
    program("go", "echo unknown revision; exit 1");
    await expect(goModule(tool)(env)).rejects.toThrow(
      "no tool: go mod download example.org/tool@v1.0.0 failed (1):\nunknown revision\nInstall Go 1.24.9",
    );
  });
});
