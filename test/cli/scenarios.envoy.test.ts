import { spawn, spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { COMMAND, environment, Folder, outrigger } from "./command.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const SCENARIO = `filter: dark-launch
config: { default: v1 }
steps:
  - request: {}
    upstream: { headers: { x-variant: v1 } }
`;
folder.write("scenarios/passes.yaml", SCENARIO);
folder.write("fails.yaml", SCENARIO.replace("x-variant: v1", "x-variant: v2"));

describe("outrigger test --envoy", { timeout: 60_000 }, () => {
  test("plays scenarios on a real Envoy, and answers as on the host", async () => {
    const { status, stdout } = await folder.run("test", "--envoy");
    expect(stdout).toMatch(/^✓ scenarios\/passes\.yaml \(\d+ ms\)\n1 passed on a real Envoy\n$/);
    expect(status).toBe(0);
    const failed = await folder.run("test", "--envoy", "--json", "fails.yaml");
    expect(failed.status).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      driver: "envoy",
      failed: 1,
      scenarios: [
        { failure: { mismatches: [{ path: "upstream.headers.x-variant", expected: '"v2"', seen: '"v1"' }] } },
      ],
    });
  });

  test("says which steps are for the host alone", async () => {
    const file = folder.write("later.yaml", `${SCENARIO}  - advance: 61s\n  - request: {}\n`);
    const { status, stdout } = await folder.run("test", "--envoy", file);
    expect(status).toBe(0);
    expect(stdout).toContain(
      "1 step passed; not played: 2 of 3 steps, from line 6 on: advancing 61000 ms is too long for envoy",
    );
    expect(stdout).toContain("1 passed, 1 of them not to the end on a real Envoy");
  });

  test("says what to do when there is no Envoy", async () => {
    const { status, stderr } = await outrigger(["test", "--envoy"], { env: { ENVOY_BIN: "/no/such/envoy" } });
    expect(status).toBe(2);
    expect(stderr).toContain(
      'error: no Envoy: ENVOY_BIN is "/no/such/envoy", which is not an executable file',
    );
    const notEnvoy = await outrigger(["test", "--envoy", "fails.yaml"], {
      cwd: folder.path,
      env: { ENVOY_BIN: "/bin/true" },
    });
    expect(notEnvoy.status).toBe(2);
    expect(notEnvoy.stderr).toContain("error: fails.yaml: Envoy ended before it was ready");
  });

  test("an interrupt ends it, and its Envoy", async () => {
    const long = Array.from({ length: 20 }, () => "  - advance: 3s\n").join("");
    const file = folder.write("long.yaml", `${SCENARIO}${long}`);
    const child = spawn(process.execPath, [COMMAND, "test", "--envoy", file], {
      cwd: folder.path,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<[number | null, string | null]>((done) =>
      child.on("close", (code, signal) => done([code, signal])),
    );
    let below: number[] = [];
    for (let tries = 0; below.length === 0 && tries < 200; tries++) {
      await new Promise((done) => setTimeout(done, 50));
      below = childrenOf(child.pid!);
    }
    expect(below.length).toBeGreaterThan(0);
    await new Promise((done) => setTimeout(done, 1500));
    child.kill("SIGINT");
    const [status, signal] = await ended;
    expect(status === 130 || signal === "SIGINT").toBe(true);
    for (let tries = 0; below.some(isAlive) && tries < 100; tries++)
      await new Promise((done) => setTimeout(done, 50));
    expect(below.filter(isAlive)).toEqual([]);
  });
});

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  return stdout
    .split("\n")
    .map(Number)
    .filter((child) => child > 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
