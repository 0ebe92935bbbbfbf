import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { outrigger } from "./command.ts";
import { Checks, wasmPlugin } from "./validating.ts";

const folder = new Checks();
afterAll(() => folder.remove());

describe("outrigger validate", () => {
  test("takes a sound WasmPlugin", async () => {
    const file = folder.write("sound.yaml", wasmPlugin("default: v1\nrules: [{ name: a, variant: v2 }]"));
    const { status, stdout, stderr } = await folder.run("validate", file);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: "1 plugin in 1 file checked: no problem\n",
      stderr: "",
    });
  });

  test("tells all that is wrong, each with file, line, column and path", async () => {
    const config =
      "defualt: v1\nrules:\n- name: a\n  variant: [v2]\n- name: a b\n  variant: v2\n  match: { path: 7 }";
    const file = folder.write("wrong.yaml", wasmPlugin(config));
    const { status, stdout } = await folder.run("validate", file);
    const lines = stdout.trimEnd().split("\n");
    expect(status).toBe(1);
    expect(lines[0]).toMatch(
      /^wrong\.yaml:7:5: error: defualt: unknown field; expected header, .*\[dark-launch\]$/,
    );
    expect(lines[1]).toMatch(
      /^wrong\.yaml:10:16: error: rules\[0\]\.variant: expected a variant .*, got a list/,
    );
    expect(lines[2]).toMatch(/^wrong\.yaml:11:13: error: rules\[1\]\.name: expected a name .*, got "a b"/);
    expect(lines[3]).toMatch(
      /^wrong\.yaml:13:22: error: rules\[1\]\.match\.path: expected a string, .*, got 7/,
    );
    expect(lines[4]).toBe("1 plugin in 1 file checked: 4 problems in 1 file");
    expect(lines.length).toBe(5);
  });

  test("the example of the documentation is what it says", async () => {
    const config = "# the example\n\ndefault: on\nrules:\n- name: a\n  match: { path: 7 }\n  variant: v2";
    const { stdout } = await folder.run("validate", folder.write("launch.yaml", wasmPlugin(config)));
    expect(readFileSync("docs/cli.md", "utf8")).toContain(`$ npx outrigger validate launch.yaml\n${stdout}`);
  });

  test("answers JSON for scripts", async () => {
    const [finding, ...more] = await folder.findings(wasmPlugin("defualt: v1"));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      file: folder.file,
      line: 7,
      column: 5,
      path: "defualt",
      filter: "dark-launch",
      plugin: "WasmPlugin reviews/launch",
    });
    expect(finding?.message).toMatch(/^unknown field; expected header/);
    expect(await folder.findings(wasmPlugin("default: v1"))).toEqual([]);
  });

  test("points at the rule that lacks something", async () => {
    expect(await folder.places(wasmPlugin("rules:\n- name: a\n- variant: v2"))).toEqual([
      "8:7 rules[0].variant",
      "9:7 rules[1].name",
    ]);
    expect(await folder.places(wasmPlugin("sticky: {}\n"))).toEqual(["7:13 sticky.cookie"]);
  });

  test("finds places behind names with dots, colons, quotes and brackets", async () => {
    const config = `rules:
- name: a
  variant: v1
  match:
    headers:
      "x:y": a
      "a.b": a
      'q"]: r': a
      "${"ä".repeat(40)}": a`;
    expect((await folder.places(wasmPlugin(config))).map((place) => place.replace(/ .*/, ""))).toEqual([
      "12:11",
      // A dot is allowed in a header's name.
      "14:11",
      "15:11",
    ]);
    const dotted = 'rules:\n- name: a\n  variant: v1\n  match: { headers: { "a.b": 1 } }';
    expect(await folder.places(wasmPlugin(dotted))).toEqual(['10:34 rules[0].match.headers["a.b"]']);
  });

  test("says why an unquoted on, yes or n is refused", async () => {
    const [finding] = await folder.findings(wasmPlugin("default: on"));
    expect(finding?.message).toContain('got true (an unquoted on is a boolean: write "on")');
    expect(await folder.findings(wasmPlugin('default: "on"'))).toEqual([]);
    const [plain] = await folder.findings(wasmPlugin("default: true"));
    expect(plain?.message).toMatch(/got true$/);
  });

  test.each([
    ["2026_11", "202611"],
    ["0100", "64"],
    ["0b11", "3"],
    ["-0x1_0", "-16"],
    ["1_0.5", "10.5"],
    ["1e2", "100"],
  ])("takes %s for the number that kubectl makes of it", async (written, number) => {
    const [finding] = await folder.findings(wasmPlugin(`rules: [{name: a, variant: ${written}}]`));
    expect(finding?.message).toContain(
      `got ${number} (an unquoted ${written} is a number: write "${written}")`,
    );
    expect(await folder.findings(wasmPlugin(`rules: [{name: a, variant: "${written}"}]`))).toEqual([]);
  });

  test("takes texts that begin like numbers for texts, and numbers with _ for numbers", async () => {
    for (const written of ["2026-11", "2026-11-27", "0x_", "1_a", "1:30", "v1_0", "08a"])
      expect(await folder.findings(wasmPlugin(`rules: [{name: a, variant: ${written}}]`)), written).toEqual(
        [],
      );
    const limits = "limits: [{name: a, limit: {requests: 1_000, per: minute}}]";
    expect(await folder.findings(wasmPlugin(limits, "url: oci://x/local-rate-limit"))).toEqual([]);
  });

  test("reads a TrafficExtension, several documents and a List", async () => {
    const extension = `apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: { name: te }
spec:
  wasm:
    url: build/outrigger.wasm
    pluginName: suite
    pluginConfig: { filters: [{ darkLaunch: { defualt: v1 } }] }
`;
    const list = `apiVersion: v1
kind: List
items:
- apiVersion: extensions.istio.io/v1alpha1
  kind: WasmPlugin
  metadata: { name: a }
  spec: { url: "https://x.test/dark-launch.wasm?v=1", pluginConfig: { header: "" } }
`;
    const other = "apiVersion: v1\nkind: Service\nmetadata: { name: s }\n";
    expect(await folder.places(`${extension}---\n${other}---\n${list}`)).toEqual([
      "8:47 filters[0].darkLaunch.defualt",
      "20:79 header",
    ]);
  });

  test("names and skips plugins of others", async () => {
    const file = folder.write("other.yaml", wasmPlugin("anything: 1", "url: oci://ghcr.io/x/coraza:1"));
    const { status, stdout, stderr } = await folder.run("validate", file);
    expect(status).toBe(0);
    expect(stderr).toBe(
      "other.yaml:5: skipped WasmPlugin reviews/launch: not one of our filters (oci://ghcr.io/x/coraza:1)\n",
    );
    expect(stdout).toBe("0 plugins in 1 file checked: nothing to say\n");
  });

  test("knows a filter by its module's name, by digest too, and else by pluginName", async () => {
    const wrong = "defualt: v1";
    for (const spec of [
      "url: oci://ghcr.io/x/dark-launch@sha256:0000",
      "url: 127.0.0.1:5000/outrigger-dark-launch:latest",
      "url: file:///etc/dark-launch.wasm",
      "url: oci://ghcr.io/x/outrigger:1.0\n  pluginName: dark-launch",
      "url: oci://ghcr.io/x/team-filters:1.0\n  pluginName: dark-launch",
    ]) {
      const [finding] = await folder.findings(wasmPlugin(wrong, spec));
      expect(finding?.path, spec).toBe("defualt");
    }
  });

  test("an empty pluginConfig is refused, as istiod sends it as nothing", async () => {
    const expected =
      "empty; expected a JSON object (istiod sends a pluginConfig without fields as none at all)";
    expect(await folder.findings(wasmPlugin("{}"))).toMatchObject([
      { line: 7, column: 5, message: expected },
    ]);
    const none = wasmPlugin("").replace(/ {2}pluginConfig:\s*/, "");
    expect(await folder.findings(none)).toMatchObject([{ line: 5, column: 3, message: expected }]);
  });

  test("tells a pluginName that the module of all does not know", async () => {
    const spec = "url: oci://ghcr.io/x/outrigger:1.0\n  pluginName: dark-lunch";
    const [finding] = await folder.findings(wasmPlugin("default: v1", spec));
    expect(finding).toMatchObject({ line: 6, column: 15, filter: "outrigger" });
    expect(finding?.message).toContain(
      'expected authz, dark-launch, global-rate-limit, local-rate-limit, trace-propagation, suite, got "dark-lunch"',
    );
  });

  test("reads what kubectl answers in JSON", async () => {
    const item = {
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { name: "a", namespace: "b" },
      spec: { url: "oci://x/dark-launch:1", pluginConfig: { header: 1 } },
    };
    const list = { apiVersion: "v1", kind: "List", items: [item, { ...item, kind: "AuthorizationPolicy" }] };
    expect(
      (await folder.findings(JSON.stringify(list, null, 4))).map(({ plugin, path }) => [plugin, path]),
    ).toEqual([["WasmPlugin b/a", "header"]]);
  });

  test("a document that is no object is no configuration", async () => {
    const [finding] = await folder.findings("just a text\n", "--filter", "dark-launch");
    expect(finding).toMatchObject({ line: 1, path: "", message: 'expected an object, got "just a text"' });
  });

  test("takes a configuration by itself, and says of which filter it takes it to be", async () => {
    const file = folder.write("bare.yaml", "default: v1\nrules: [{}]\n");
    const guessed = await folder.run("validate", file);
    expect(guessed.stderr).toBe(
      "bare.yaml:1: taken for a configuration of dark-launch (--filter says so for sure)\n",
    );
    expect(guessed.stdout).toContain("bare.yaml:2:9: error: rules[0].name: required");
    const told = await folder.run("validate", "--filter", "dark-launch", file);
    expect(told.stderr).toBe("");
    expect(told.status).toBe(1);
    const suite = await folder.run("validate", folder.write("s.yaml", "filters: [{ darkLaunch: {} }]"));
    expect(suite.stderr).toContain("taken for a configuration of suite");
    expect(suite.status).toBe(0);
  });

  test("asks which filter is meant where several know the fields, unless the file's name says it", async () => {
    const module = readFileSync("build/dark-launch.wasm");
    for (const name of ["one", "other"]) folder.write(`several/${name}.wasm`, module);
    const run = (name: string) =>
      folder.run("validate", "--modules", "several", folder.write(name, "default: v1"));
    const unclear = await run("plain.yaml");
    expect(unclear.status).toBe(1);
    expect(unclear.stdout).toContain(
      "plain.yaml:1:1: error: a configuration by itself, of which filter is not clear; say so with --filter (one, other)",
    );
    expect(await run("my-other-config.yaml")).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("taken for a configuration of other") as string,
    });
  });

  test("refuses a filter that there is not", async () => {
    const { status, stderr } = await folder.run("validate", "--filter", "dark-lunch", "bare.yaml");
    expect(status).toBe(2);
    expect(stderr).toBe(
      'error: no filter "dark-lunch"; expected authz, dark-launch, global-rate-limit, local-rate-limit, trace-propagation, suite\n',
    );
  });

  test("reads standard input", async () => {
    const { status, stdout } = await outrigger(["validate", "-"], { input: wasmPlugin("defualt: v1") });
    expect(status).toBe(1);
    expect(stdout).toContain("-:7:5: error: defualt: unknown field");
  });

  test("goes on after a file that cannot be read, and answers 2", async () => {
    folder.write("ok.yaml", wasmPlugin("default: v1"));
    const { status, stdout, stderr } = await folder.run("validate", "nowhere.yaml", "ok.yaml", ".");
    expect(status).toBe(2);
    expect(stderr).toBe(
      "error: cannot read nowhere.yaml: no such file or folder\nerror: cannot read .: is a folder\n",
    );
    expect(stdout).toBe("1 plugin in 1 file checked: no problem, 2 files not read\n");
  });
});
