import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import { outrigger } from "./command.ts";

/** Within the package, whose exports the examples import, and beside `filters/`, so that the filter's imports hold. */
const FOLDER = "build/testing-page";
const SCENARIO = `filter: teapot
config: { header: x-brew }
steps:
  - request: { headers: { x-brew: "1" } }
    upstream: null
    response: { status: 418, body: short and stout }
`;

async function blocks(page: string): Promise<string[]> {
  return [...(await readFile(page, "utf8")).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
}

/** Runs one of the tools in the folder. */
async function run(tool: string, ...words: string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [resolve("node_modules", tool), ...words], {
    cwd: FOLDER,
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<number | null>((done) => child.on("close", done));
  return { status, output };
}

describe("the examples of docs/testing.md", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(`${FOLDER}/build`, { recursive: true });
    const [filter] = await blocks("docs/writing-a-filter.md");
    await writeFile(`${FOLDER}/teapot.ts`, filter!);
    await writeFile(`${FOLDER}/build/teapot.wasm`, await compile(`${FOLDER}/teapot.ts`));
    await rm(`${FOLDER}/teapot.ts`);
    const [host, scenario] = await blocks("docs/testing.md");
    await writeFile(`${FOLDER}/host.test.ts`, host!);
    await writeFile(`${FOLDER}/scenario.test.ts`, scenario!);
    await writeFile(`${FOLDER}/teapot.yaml`, SCENARIO);
    await writeFile(`${FOLDER}/vitest.config.ts`, "export default {};\n");
  }, 120_000);
  afterAll(() => rm(FOLDER, { recursive: true, force: true }));

  test("they pass as they stand there", async () => {
    const { status, output } = await run("vitest/vitest.mjs", "run", "--root", ".");
    expect(output).toMatch(/Test Files +2 passed/);
    expect(output).toMatch(/Tests +6 passed/);
    expect(status).toBe(0);
  });

  test("their types are right, by the declarations that the build writes", async () => {
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--types",
      "node",
      "--skipLibCheck",
    ];
    const { status, output } = await run(
      "typescript/bin/tsc",
      "--ignoreConfig",
      ...options,
      "host.test.ts",
      "scenario.test.ts",
    );
    expect(output).toBe("");
    expect(status).toBe(0);
  });

  test("the command serves a filter of one's own", async () => {
    const mine = ["--modules", `${FOLDER}/build`];
    const played = await outrigger(["test", ...mine, `${FOLDER}/teapot.yaml`]);
    expect(played).toMatchObject({ status: 0, stderr: "" });
    await writeFile(`${FOLDER}/pot.json`, '{\n  "heder": "x-brew"\n}\n');
    const checked = await outrigger(["validate", ...mine, "--filter", "teapot", `${FOLDER}/pot.json`]);
    expect(checked.status).toBe(1);
    expect(checked.stdout).toContain("pot.json:2:3: error: heder: unknown field; expected header [teapot]");
    await writeFile(`${FOLDER}/pot.json`, '{"header": "x-brew"}');
    const explain = ["explain", ...mine, "-c", `${FOLDER}/pot.json`, "-r", "/", "-H"];
    const brewed = await outrigger([...explain, "x-brew: 1"]);
    expect(brewed.stdout).toContain(
      "teapot, of which only what it does can be told\nIt answers the request itself: 418 (teapot:brew).\n",
    );
    expect((await outrigger([...explain, "x-tea: 1"])).stdout).toContain("It lets the request go on.\n");
  });

  test("a bare configuration is taken for the filter that knows its fields", async () => {
    await writeFile(`${FOLDER}/build/dark-launch.wasm`, await readFile("build/dark-launch.wasm"));
    await writeFile(`${FOLDER}/bare.yaml`, "default: v1\nrules: []\n");
    const { status, stderr } = await outrigger([
      "validate",
      "--modules",
      `${FOLDER}/build`,
      `${FOLDER}/bare.yaml`,
    ]);
    expect(stderr).toContain("taken for a configuration of dark-launch");
    expect(status).toBe(0);
  });
});
