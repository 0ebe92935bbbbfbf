/** That nothing of the tests' Docker daemon is left on the machine, neither after `stop` nor where the tests end without it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import type { Traces } from "./daemon.ts";

const WITHIN = 120_000;

test.each([
  ["stop", "after stop"],
  ["exit", "where the tests end without it"],
])("%s: nothing of the daemon is there %s", { timeout: WITHIN }, async (ending) => {
  const child = spawn(process.execPath, ["--import", "tsx", "test/compose/daemon.ts", ending], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: WITHIN,
  });
  const status = new Promise((resolve) => child.once("close", resolve));
  const line = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    child.stdout.once("end", () => resolve(""));
  });
  expect(line, "what daemon.ts has started").not.toBe("");
  const traces = JSON.parse(line) as Traces;
  const all = left(traces);
  child.stdin.end();
  expect(all).toEqual([...traces.processes, traces.bridge, traces.folder]);
  expect(await status).toBe(0);
  // What is killed at the end takes a moment.
  await expect.poll(() => left(traces), { timeout: 10_000 }).toEqual([]);
});

/** What of it is there. */
function left({ processes, bridge, folder }: Traces): (number | string)[] {
  return [
    ...processes.filter((pid) => existsSync(`/proc/${pid}`)),
    ...[bridge].filter((name) => existsSync(`/sys/class/net/${name}`)),
    ...[folder].filter((path) => existsSync(path)),
  ];
}
