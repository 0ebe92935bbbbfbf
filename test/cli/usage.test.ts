import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { COMMAND, environment, Folder, outrigger } from "./command.ts";

const folder = new Folder();
afterAll(() => folder.remove());

describe("the outrigger command", () => {
  test("tells its version, that of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await outrigger(["--version"])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("tells how it is used, with examples, for each command", async () => {
    const { status, stdout, stderr } = await outrigger(["--help"]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    const commands = [
      "validate",
      "test",
      "explain",
      "convert",
      "ratelimit-service",
      "api-key",
      "basic-user",
      "push",
      "inspect",
    ];
    for (const command of commands) {
      expect(stdout).toContain(`  ${command} `);
      const help = await outrigger([command, "--help"]);
      expect(help.status).toBe(0);
      expect(help.stdout).toContain(`Usage: outrigger ${command}`);
      expect(help.stdout).toMatch(/Examples:\n {2}\$ /);
    }
  });

  test("without a command it tells how it is used, as an error", async () => {
    const { status, stdout, stderr } = await outrigger([]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: outrigger");
  });

  test("suggests what was meant", async () => {
    const command = await outrigger(["validaet", "x.yaml"]);
    expect(command.status).toBe(2);
    expect(command.stderr).toBe(
      "error: unknown command 'validaet'\n(Did you mean validate?)\n(--help tells more)\n",
    );
    const option = await outrigger(["validate", "--jsn", "x.yaml"]);
    expect(option.status).toBe(2);
    expect(option.stderr).toContain("Did you mean --json?");
  });

  test("refuses what is missing or too much, without a stack trace", async () => {
    for (const words of [
      ["validate"],
      ["explain"],
      ["convert"],
      ["explain", "-c", "x"],
      ["test", "--junit"],
      ["explain", "-c", "x", "-r", "GET /", "more"],
      ["push", "oci://127.0.0.1:5000/x:1"],
      ["inspect"],
    ]) {
      const { status, stdout, stderr } = await outrigger(words);
      expect(status, words.join(" ")).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^error: /);
      expect(stderr).not.toMatch(/^ +at /m);
    }
  });

  test("colours are for terminals, unless they are asked for", async () => {
    const file = folder.write("x.yaml", "defualt: v1\n");
    const words = ["validate", "--filter", "dark-launch", file];
    const run = async (env: NodeJS.ProcessEnv): Promise<boolean> =>
      (await outrigger(words, { cwd: folder.path, env })).stdout.includes("\u001b[");
    expect(await run({})).toBe(false);
    expect(await run({ CI: "true" })).toBe(false);
    expect(await run({ FORCE_COLOR: "1" })).toBe(true);
    expect(await run({ FORCE_COLOR: "0" })).toBe(false);
    expect(await run({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
    const json = await outrigger(["validate", "--json", "--filter", "dark-launch", file], {
      cwd: folder.path,
      env: { FORCE_COLOR: "1" },
    });
    expect(JSON.parse(json.stdout)).toHaveLength(1);
  });

  test("a reader that stops reading ends it quietly", async () => {
    const rules = Array.from({ length: 50 }, () => "  - { name: a b, variant: v }").join("\n");
    const file = folder.write("many.yaml", `rules:\n${rules}\n`);
    const files = Array<string>(200).fill(file).join(" ");
    const script = `"$0" "$1" validate --filter dark-launch ${files} | head -n 1; exit 0`;
    const child = spawn("sh", ["-c", script, process.execPath, COMMAND], {
      cwd: folder.path,
      env: environment(),
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    await new Promise((done) => child.on("close", done));
    expect(stdout).toMatch(/^many\.yaml:1:\d+: error: .*\n$|^many\.yaml:2:\d+: error: .*\n$/);
    expect(stderr).toBe("");
  });

  test("all of a long answer reaches a pipe", async () => {
    const rules = Array.from({ length: 50 }, () => "  - { name: a b, variant: v }").join("\n");
    const file = folder.write("long.yaml", `rules:\n${rules}\n`);
    const files = Array<string>(40).fill(file);
    const { status, stdout } = await folder.run("validate", "--filter", "dark-launch", "--json", ...files);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toHaveLength(2000);
  });

  test("an interrupt ends it", async () => {
    // It waits for standard input.
    const child = spawn(process.execPath, [COMMAND, "validate", "-"], {
      env: environment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    await new Promise((done) => setTimeout(done, 500));
    child.kill("SIGINT");
    const [status, signal] = await new Promise<[number | null, string | null]>((done) =>
      child.on("close", (code, name) => done([code, name])),
    );
    expect(status === 130 || signal === "SIGINT").toBe(true);
    expect(stderr).toBe("");
  });

  test("npx finds it: the package names a command that is there before the build", async () => {
    const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as { bin: { outrigger: string } };
    const child = spawn(process.execPath, [bin.outrigger, "--version"]);
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    await new Promise((done) => child.on("close", done));
    expect(stdout).toBe((await outrigger(["--version"])).stdout);
  });
});
