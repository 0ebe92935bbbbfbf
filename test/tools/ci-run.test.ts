/** What `.ci/run` does around the tests, with stand-ins for all that it runs. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const BASH = "/bin/bash";
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-ci-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a program on the PATH, which has nothing else. It writes down its words. */
function program(name: string, script = ""): void {
  const path = join(folder, name);
  writeFileSync(path, `#!${BASH}\necho "${name} $*" >> ${join(folder, "log")}\n${script}\n`);
  chmodSync(path, 0o755);
}

/** What was run, in order. */
function log(): string[] {
  const file = join(folder, "log");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

/** Runs the script, as another user where one is named. It comes by standard input, since that user may not see the clone. */
function run(uid?: number): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(BASH, ["-s"], {
    input: readFileSync(".ci/run"),
    cwd: folder,
    env: { PATH: folder },
    encoding: "utf8",
    timeout: 10_000,
    ...(uid === undefined ? {} : { uid }),
  });
  return { status, stdout, stderr };
}

test("who is not root is told so at once", () => {
  const { status, stderr } = run(isRoot ? 65534 : undefined);
  expect(stderr).toMatch(/^Run \.ci\/run as root: /);
  expect(status).toBe(1);
  expect(log()).toEqual([]);
});

test.runIf(isRoot).each([
  ["comes with docker.io", "docker.io", 1],
  ["is apart", "docker-cli", 2],
])("the command docker is installed where it %s", (_, debianPackage, times) => {
  const docker = join(folder, "docker");
  program(
    "apt-get",
    `if [[ " $* " == *" ${debianPackage} "* ]]; then : > ${docker}; /bin/chmod +x ${docker}; fi`,
  );
  for (const name of ["dirname", "make", "npx"]) program(name);
  expect(run()).toMatchObject({ status: 0, stderr: "" });
  const installs = log().filter((line) => line.startsWith("apt-get install "));
  expect(installs).toHaveLength(times);
  expect(installs.at(-1)).toContain(` ${debianPackage}`);
  expect(log().filter((line) => line.startsWith("make "))).toEqual(["make check", "make test", "make e2e"]);
});

/** All that is looked for is there; `make` does what `make` says. */
function installed(make: string): void {
  for (const name of ["redis-server", "docker-registry", "dockerd", "promtool", "wget", "go", "java", "mvn"])
    program(name);
  for (const name of ["docker", "dirname"]) program(name);
  program("make", make);
  program("npx", 'echo "2 passed, 1 failed"');
}

test.runIf(isRoot)("it ends with what each part took, and then the totals, also where tests fail", () => {
  installed("[[ $1 != e2e ]] || { /bin/sleep 1.1; exit 1; }");
  const { status, stdout } = run();
  expect(stdout).toMatch(
    /^took \(min:s\): check 0:00, test 0:0\d, e2e 0:0[1-9], all of it 0:0[1-9]\n2 passed, 1 failed\n$/,
  );
  expect(log().at(-1)).toBe("npx tsx tools/totals.ts test e2e");
  expect(status).toBe(1);
});

test.runIf(isRoot)("without a clean check nothing is tested", () => {
  installed("exit 2");
  expect(run().status).toBe(2);
  expect(log().filter((line) => /^(?:make|npx) /.test(line))).toEqual(["make check"]);
});
