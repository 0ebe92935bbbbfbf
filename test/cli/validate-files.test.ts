import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readBytes } from "../../cli/read-bytes.ts";
import { Checks, wasmPlugin } from "./validating.ts";

const folder = new Checks();
afterAll(() => folder.remove());

describe("outrigger validate on files of all kinds", { timeout: 60_000 }, () => {
  test("broken YAML is told with its place", async () => {
    const found = await folder.findings("apiVersion: v1\nkind: [WasmPlugin\nspec: x\n");
    expect(found[0]).toMatchObject({ line: 3, column: 1, filter: null, plugin: null });
    expect(found[0]?.message).toMatch(/^not YAML: /);
    expect((await folder.findings("a: 1\na: 2\n"))[0]?.message).toContain("Map keys must be unique");
  });

  test("one broken document does not hide the next", async () => {
    const found = await folder.places(`a: [\n---\n${wasmPlugin("defualt: v1")}`);
    expect(found.at(-1)).toBe("9:5 defualt");
    expect(found.length).toBeGreaterThan(1);
  });

  test("files without anything are nothing to complain of", async () => {
    for (const text of ["", "\n", "# only a comment\n", "---\n---\n", "\ufeff"]) {
      expect(await folder.findings(text)).toEqual([]);
    }
  });

  test("what is no text is not read", async () => {
    for (const bytes of [
      new Uint8Array([0, 97, 115, 109]),
      readFileSync(resolve("build/dark-launch.wasm")),
    ]) {
      const { status, stderr } = await folder.run("validate", folder.write("binary", bytes));
      expect(status).toBe(2);
      expect(stderr).toBe("error: cannot read binary: not a text file\n");
    }
    const latin1 = folder.write("latin1", new Uint8Array([97, 58, 32, 0xe4]));
    expect((await folder.run("validate", latin1)).stderr).toBe("error: cannot read latin1: not UTF-8\n");
  });

  // A device by itself: a command that reads it all takes the memory of the machine.
  test("a file without an end is read a little further than what is taken", () => {
    const { length } = readBytes("/dev/zero", 1000);
    expect(length).toBeGreaterThan(1000);
    expect(length).toBeLessThan(100_000);
  });

  test("huge files are refused, large ones are read", async () => {
    const huge = folder.write("huge.yaml", Buffer.alloc(21 * 1024 * 1024, "a: b\n"));
    expect(await folder.run("validate", huge)).toMatchObject({
      status: 2,
      stderr: "error: cannot read huge.yaml: larger than 20 MiB\n",
    });
    const names = Array.from({ length: 50_000 }, (_, at) => `user-${at}`);
    const config = `rules:\n- name: a\n  variant: v1\n  match: { cookies: { user: { in: [${names.join(", ")}], x: 1 } } }`;
    expect(await folder.places(wasmPlugin(config))).toEqual([
      expect.stringMatching(/^10:\d+ rules\[0\]\.match\.cookies\.user\.x$/),
    ]);
  });

  test("places hold with CRLF, tabs and comments", async () => {
    const crlf = wasmPlugin("# note\ndefault: v1\t# tab\ndefualt: v1").replace(/\n/g, "\r\n");
    expect(await folder.places(crlf)).toEqual(["9:5 defualt"]);
    expect(await folder.places(wasmPlugin("default: v1\n\tdefualt: v1"))).not.toEqual([]);
    const json = '{\r\n\t"default":\t"v1",\r\n\t"rules":\t[{"name": "a b"}]\r\n}\r\n';
    expect(await folder.places(json, "--filter", "dark-launch")).toEqual([
      "3:12 rules[0].variant",
      "3:21 rules[0].name",
    ]);
  });

  test("a byte order mark begins any of the files that were put together", async () => {
    const text = `\ufeff${wasmPlugin("defualt: v1")}---\n\ufeff${wasmPlugin("defualt: v1")}`;
    expect(await folder.places(text)).toEqual(["7:5 defualt", "15:5 defualt"]);
  });

  test("a key that is no text is told with nothing else on standard error", async () => {
    folder.write("template.yaml", wasmPlugin("header: {{ .Values.header }}"));
    const { status, stdout, stderr } = await folder.run("validate", "template.yaml");
    expect(status).toBe(1);
    expect(stdout).toContain("7:13: error: header: expected the name of a header, got an object");
    expect(stderr).toBe("");
  });

  test("anchors, aliases and merge keys lead to where the text stands", async () => {
    const config = `rules:
- name: a
  variant: v1
  match: &m { headers: { x-a: { in: [] } } }
- { name: b, variant: v2, match: *m }
- name: c
  variant: v3
  match: { <<: *m, path: 7 }`;
    expect(await folder.places(wasmPlugin(config))).toEqual([
      "10:41 rules[0].match.headers.x-a.in",
      "10:41 rules[1].match.headers.x-a.in",
      "10:41 rules[2].match.headers.x-a.in",
      "14:30 rules[2].match.path",
    ]);
  });

  test("aliases that explode, go in circles or lead nowhere are refused", async () => {
    let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n";
    for (const name of "bcdefghij") {
      const before = String.fromCharCode(name.charCodeAt(0) - 1);
      bomb += `${name}: &${name} [${Array<string>(10).fill(`*${before}`).join(", ")}]\n`;
    }
    for (const [config, message] of [
      [bomb, "not YAML: Excessive alias count"],
      ["rules: &r [*r]", "not YAML: an alias stands within what it stands for"],
      ["rules: *nowhere", "not YAML: Unresolved alias"],
    ] as const) {
      const [finding, ...more] = await folder.findings(wasmPlugin(config));
      expect(finding?.message).toContain(message);
      expect(finding?.line).toBe(7);
      expect(more).toEqual([]);
    }
  });

  test("deep nesting is refused and never overflows", async () => {
    const deep = `${"[".repeat(2000)}${"]".repeat(2000)}`;
    const [finding] = await folder.findings(wasmPlugin(`rules: ${deep}`));
    expect(finding?.message).toMatch(/nested deeper than 64 levels|not YAML: nested too deeply/);
    const block = Array.from({ length: 3000 }, (_, at) => `${" ".repeat(at)}a:\n`).join("");
    expect((await folder.findings(block)).at(-1)?.message).toBe("not YAML: nested too deeply");
  });

  test("more than fifty problems are cut short", async () => {
    const rules = Array.from({ length: 60 }, () => "- {name: a b, variant: v}").join("\n");
    const found = await folder.findings(wasmPlugin(`rules:\n${rules}`));
    expect(found.length).toBe(51);
    expect(found.find(({ message }) => message === "and 10 more")).toBeDefined();
  });

  test("control characters of a file do not reach the terminal", async () => {
    const file = folder.write("esc.yaml", wasmPlugin('"\\e[31m": 1'));
    const { stdout } = await folder.run("validate", file);
    expect(stdout).toContain("unknown field");
    expect(stdout).not.toContain("\u001b");
  });

  test("a scenario is named as what it is", async () => {
    const file = folder.write("scenario.yaml", "filter: dark-launch\nconfig: {}\nsteps: [{ request: {} }]\n");
    const { status, stderr } = await folder.run("validate", file);
    expect(status).toBe(0);
    expect(stderr).toContain("a scenario: `outrigger test` plays it");
  });
});
