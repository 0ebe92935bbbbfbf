import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Folder, outrigger } from "./command.ts";

const folder = new Folder();
afterAll(() => folder.remove());

interface Finding {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
  filter: string | null;
  plugin: string | null;
}

let files = 0;

/** Checks a text, and answers each finding as `line:column path`. */
async function places(text: string | Uint8Array, ...options: string[]): Promise<string[]> {
  return (await findings(text, ...options)).map(({ line, column, path }) => `${line}:${column} ${path}`);
}

async function findings(text: string | Uint8Array, ...options: string[]): Promise<Finding[]> {
  const file = folder.write(`plugin-${++files}.yaml`, text);
  const { status, stdout } = await folder.run("validate", "--json", ...options, file);
  const found = JSON.parse(stdout) as Finding[];
  expect(status).toBe(found.length > 0 ? 1 : 0);
  return found;
}

const wasmPlugin = (config: string, spec = "url: oci://ghcr.io/x/dark-launch:1.0"): string =>
  `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: launch, namespace: reviews }
spec:
  ${spec}
  pluginConfig:
${config.replace(/^/gm, "    ")}
`;

describe("outrigger validate", { timeout: 30_000 }, () => {
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
    const [finding, ...more] = await findings(wasmPlugin("defualt: v1"));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      file: `plugin-${files}.yaml`,
      line: 7,
      column: 5,
      path: "defualt",
      filter: "dark-launch",
      plugin: "WasmPlugin reviews/launch",
    });
    expect(finding?.message).toMatch(/^unknown field; expected header/);
    expect(await findings(wasmPlugin("default: v1"))).toEqual([]);
  });

  test("points at the rule that lacks something", async () => {
    expect(await places(wasmPlugin("rules:\n- name: a\n- variant: v2"))).toEqual([
      "8:7 rules[0].variant",
      "9:7 rules[1].name",
    ]);
    expect(await places(wasmPlugin("sticky: {}\n"))).toEqual(["7:13 sticky.cookie"]);
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
    expect((await places(wasmPlugin(config))).map((place) => place.replace(/ .*/, ""))).toEqual([
      "12:11",
      // A dot is allowed in a header's name.
      "14:11",
      "15:11",
    ]);
    const dotted = 'rules:\n- name: a\n  variant: v1\n  match: { headers: { "a.b": 1 } }';
    expect(await places(wasmPlugin(dotted))).toEqual(['10:34 rules[0].match.headers["a.b"]']);
  });

  test("says why an unquoted on, yes or n is refused", async () => {
    const [finding] = await findings(wasmPlugin("default: on"));
    expect(finding?.message).toContain('got true (an unquoted on is a boolean: write "on")');
    expect(await findings(wasmPlugin('default: "on"'))).toEqual([]);
    const [plain] = await findings(wasmPlugin("default: true"));
    expect(plain?.message).toMatch(/got true$/);
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
    expect(await places(`${extension}---\n${other}---\n${list}`)).toEqual([
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
      const [finding] = await findings(wasmPlugin(wrong, spec));
      expect(finding?.path, spec).toBe("defualt");
    }
  });

  test("an empty pluginConfig is refused, as istiod sends it as nothing", async () => {
    const expected =
      "empty; expected a JSON object (istiod sends a pluginConfig without fields as none at all)";
    expect(await findings(wasmPlugin("{}"))).toMatchObject([{ line: 7, column: 5, message: expected }]);
    const none = wasmPlugin("").replace(/ {2}pluginConfig:\s*/, "");
    expect(await findings(none)).toMatchObject([{ line: 5, column: 3, message: expected }]);
  });

  test("tells a pluginName that the module of all does not know", async () => {
    const spec = "url: oci://ghcr.io/x/outrigger:1.0\n  pluginName: dark-lunch";
    const [finding] = await findings(wasmPlugin("default: v1", spec));
    expect(finding).toMatchObject({ line: 6, column: 15, filter: "outrigger" });
    expect(finding?.message).toContain('expected dark-launch, suite, got "dark-lunch"');
  });

  test("takes what ships: envoy/envoy.yaml", async () => {
    const { status, stdout } = await outrigger(["validate", "envoy/envoy.yaml"]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "1 plugin in 1 file checked: no problem\n" });
  });

  test("finds the place within the JSON text of an Envoy configuration", async () => {
    const shipped = readFileSync("envoy/envoy.yaml", "utf8");
    const line = shipped.split("\n").findIndex((text) => text.includes('"default": "v1"')) + 1;
    expect(await places(shipped.replace('"default"', '"defualt"'))).toEqual([`${line}:31 defualt`]);
    // Not JSON at all: the parser's own line and column.
    const [finding] = await findings(shipped.replace('"default": "v1"', '"default": v1'));
    expect(finding).toMatchObject({ line, column: 42, path: "", message: "expected a value" });
  });

  const filter = (configuration: string, more = ""): string => `name: envoy.filters.http.wasm
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
  config:
    name: launch
    vm_config: { code: { remote: { http_uri: { uri: "http://x.test/dark-launch.wasm" } } } }
    configuration: ${configuration}
${more}`;

  test("reads a single HTTP filter, in YAML and in JSON with camelCase names", async () => {
    const value = (text: string): string =>
      `{"@type": type.googleapis.com/google.protobuf.StringValue, value: ${JSON.stringify(text)}}`;
    const wrong = filter(value('{"defualt": "v1"}'));
    const column = wrong.split("\n")[6]!.indexOf('"{') + 1;
    expect(await places(wrong)).toEqual([`7:${column} defualt`]);
    expect(await places(filter(value('{"default": "v1"}')))).toEqual([]);
    const json = {
      name: "w",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        config: {
          rootId: "dark-launch",
          vmConfig: { code: { local: { filename: "/etc/outrigger.wasm" } } },
          configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: '{"a": 1}' },
        },
      },
    };
    expect((await findings(JSON.stringify(json, null, "\t"))).map(({ path }) => path)).toEqual(["a"]);
  });

  test("refuses a Struct, which reaches a filter as protobuf bytes", async () => {
    const [finding] = await findings(
      filter('{"@type": type.googleapis.com/google.protobuf.Struct, value: {default: v1}}'),
    );
    expect(finding).toMatchObject({ line: 7, filter: "dark-launch" });
    expect(finding?.message).toContain("expected a google.protobuf.StringValue");
  });

  test("finds filters in an EnvoyFilter, behind a TypedStruct, and in bytes", async () => {
    const envoyFilter = (configuration: string): string => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ef, namespace: mesh }
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch:
      operation: INSERT_BEFORE
      value:
        name: launch
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
          value:
            config:
              root_id: dark-launch
              vm_config: { code: { local: { filename: /opt/outrigger.wasm } } }
              configuration:
                ${configuration}
`;
    const text = `"@type": type.googleapis.com/google.protobuf.StringValue
                value: |

                  {
                    "defualt": "v1"
                  }`;
    const [finding] = await findings(envoyFilter(text));
    expect(finding).toMatchObject({
      line: 23,
      column: 21,
      path: "defualt",
      plugin: "Wasm filter launch of EnvoyFilter mesh/ef",
    });
    const base64 = Buffer.from('{"defualt": 1}').toString("base64");
    const bytes = `{"@type": type.googleapis.com/google.protobuf.BytesValue, value: ${base64}}`;
    expect((await places(envoyFilter(bytes))).map((place) => place.replace(/:\d+/, ""))).toEqual([
      "19 defualt",
    ]);
  });

  test("reads what kubectl answers in JSON", async () => {
    const item = {
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { name: "a", namespace: "b" },
      spec: { url: "oci://x/dark-launch:1", pluginConfig: { header: 1 } },
    };
    const list = { apiVersion: "v1", kind: "List", items: [item, { ...item, kind: "AuthorizationPolicy" }] };
    expect((await findings(JSON.stringify(list, null, 4))).map(({ plugin, path }) => [plugin, path])).toEqual(
      [["WasmPlugin b/a", "header"]],
    );
  });

  test("a document that is no object is no configuration", async () => {
    const [finding] = await findings("just a text\n", "--filter", "dark-launch");
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
    expect(stderr).toBe('error: no filter "dark-lunch"; expected dark-launch, suite\n');
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

describe("outrigger validate on files of all kinds", { timeout: 60_000 }, () => {
  test("broken YAML is told with its place", async () => {
    const found = await findings("apiVersion: v1\nkind: [WasmPlugin\nspec: x\n");
    expect(found[0]).toMatchObject({ line: 3, column: 1, filter: null, plugin: null });
    expect(found[0]?.message).toMatch(/^not YAML: /);
    expect((await findings("a: 1\na: 2\n"))[0]?.message).toContain("Map keys must be unique");
  });

  test("one broken document does not hide the next", async () => {
    const found = await places(`a: [\n---\n${wasmPlugin("defualt: v1")}`);
    expect(found.at(-1)).toBe("9:5 defualt");
    expect(found.length).toBeGreaterThan(1);
  });

  test("files without anything are nothing to complain of", async () => {
    for (const text of ["", "\n", "# only a comment\n", "---\n---\n", "\ufeff"]) {
      expect(await findings(text)).toEqual([]);
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

  test("huge files are refused, large ones are read", async () => {
    const huge = folder.write("huge.yaml", Buffer.alloc(21 * 1024 * 1024, "a: b\n"));
    expect(await folder.run("validate", huge)).toMatchObject({
      status: 2,
      stderr: "error: cannot read huge.yaml: larger than 20 MiB\n",
    });
    const names = Array.from({ length: 50_000 }, (_, at) => `user-${at}`);
    const config = `rules:\n- name: a\n  variant: v1\n  match: { cookies: { user: { in: [${names.join(", ")}], x: 1 } } }`;
    expect(await places(wasmPlugin(config))).toEqual([
      expect.stringMatching(/^10:\d+ rules\[0\]\.match\.cookies\.user\.x$/),
    ]);
  });

  test("places hold with CRLF, tabs and comments", async () => {
    const crlf = wasmPlugin("# note\ndefault: v1\t# tab\ndefualt: v1").replace(/\n/g, "\r\n");
    expect(await places(crlf)).toEqual(["9:5 defualt"]);
    expect(await places(wasmPlugin("default: v1\n\tdefualt: v1"))).not.toEqual([]);
    const json = '{\r\n\t"default":\t"v1",\r\n\t"rules":\t[{"name": "a b"}]\r\n}\r\n';
    expect(await places(json, "--filter", "dark-launch")).toEqual([
      "3:12 rules[0].variant",
      "3:21 rules[0].name",
    ]);
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
    expect(await places(wasmPlugin(config))).toEqual([
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
      const [finding, ...more] = await findings(wasmPlugin(config));
      expect(finding?.message).toContain(message);
      expect(finding?.line).toBe(7);
      expect(more).toEqual([]);
    }
  });

  test("deep nesting is refused and never overflows", async () => {
    const deep = `${"[".repeat(2000)}${"]".repeat(2000)}`;
    const [finding] = await findings(wasmPlugin(`rules: ${deep}`));
    expect(finding?.message).toMatch(/nested deeper than 64 levels|not YAML: nested too deeply/);
    const block = Array.from({ length: 3000 }, (_, at) => `${" ".repeat(at)}a:\n`).join("");
    expect((await findings(block)).at(-1)?.message).toBe("not YAML: nested too deeply");
  });

  test("more than fifty problems are cut short", async () => {
    const rules = Array.from({ length: 60 }, () => "- {name: a b, variant: v}").join("\n");
    const found = await findings(wasmPlugin(`rules:\n${rules}`));
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
