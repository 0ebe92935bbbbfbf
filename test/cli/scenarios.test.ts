import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { Folder, outrigger } from "./command.ts";
import { parseXml } from "./xml.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const PASSES = `filter: dark-launch
config: { default: v1 }
steps:
  - request: {}
    upstream: { headers: { x-variant: v1 } }
`;
const FAILS = `filter: dark-launch
config: { default: v1, rules: [{ name: "beta", variant: v2, match: { headers: { x-beta: "1" } } }] }
steps:
  - name: everybody gets v1
    request: {}
    upstream: { headers: { x-variant: v1 } }
  - name: beta users get <v3> & more
    request: { headers: { x-beta: "1" } }
    upstream: { headers: { x-variant: v3 } }
    response: { status: 204 }
`;
folder.write("good/passes.yaml", PASSES);
folder.write("bad/fails.yaml", FAILS);

interface Report {
  driver: string;
  passed: number;
  failed: number;
  errors: number;
  scenarios: {
    file: string;
    status: string;
    played: number;
    failure?: { line: number; mismatches: object[] };
  }[];
}

describe("outrigger test", () => {
  test("plays the scenarios that ship when nothing is named", async () => {
    const { status, stdout } = await outrigger(["test"]);
    expect(status).toBe(0);
    expect(stdout).toContain("✓ filters/dark-launch/scenarios/beta-users.yaml (");
    expect(stdout).toMatch(/^\d+ passed on the V8 host$/m);
  });

  test("says what failed, where, and how it differs", async () => {
    const { status, stdout } = await folder.run("test", "good", "bad");
    expect(status).toBe(1);
    expect(stdout.replace(/\(\d+ ms\)/g, "(n ms)")).toBe(`✓ good/passes.yaml (n ms)
✗ bad/fails.yaml (n ms)
  bad/fails.yaml:7: step "beta users get <v3> & more"
    upstream.headers.x-variant
      - expected "v3"
      + seen     "v2"
    response.status
      - expected 204
      + seen     200 (via_upstream)
1 passed, 1 failed on the V8 host
`);
  });

  test("shows texts of several lines as a diff", async () => {
    const lines = (change: string): string =>
      Array.from({ length: 20 }, (_, at) => (at === 10 ? change : `line ${at}`)).join("\n");
    const scenario = {
      filter: "dark-launch",
      config: {},
      upstream: { body: lines("seen") },
      steps: [{ request: {}, response: { body: lines("expected") } }],
    };
    const { status, stdout } = await folder.run("test", folder.write("body.yaml", JSON.stringify(scenario)));
    expect(status).toBe(1);
    expect(stdout).toContain("        line 9\n      - expected\n      + seen\n        line 11\n");
    expect(stdout).toContain("... ");
    expect(stdout).not.toContain("line 3\n");
  });

  test("marks what differs where there are colours", async () => {
    const { stdout } = await outrigger(["test", join(folder.path, "bad")], { env: { FORCE_COLOR: "1" } });
    expect(stdout).toContain("\u001b[31m- expected\u001b[39m");
    const plain = await outrigger(["test", join(folder.path, "bad")], {
      env: { FORCE_COLOR: "1", NO_COLOR: "1" },
    });
    expect(plain.stdout).not.toContain("\u001b");
  });

  test("tells a configuration that was to be refused and was not", async () => {
    const file = folder.write("refused.yaml", 'filter: dark-launch\nconfig: {}\nrefused: ["nothing"]\n');
    const { status, stdout } = await folder.run("test", file);
    expect(status).toBe(1);
    expect(stdout).toContain("    the configuration was taken; expected it to be refused\n");
  });

  test("answers JSON with all that differs", async () => {
    const { status, stdout } = await folder.run("test", "--json", "good", "bad");
    const report = JSON.parse(stdout) as Report;
    expect(status).toBe(1);
    expect(report).toMatchObject({ driver: "host", passed: 1, failed: 1, errors: 0 });
    expect(report.scenarios[0]).toMatchObject({ file: "good/passes.yaml", status: "passed", played: 1 });
    expect(report.scenarios[1]).toMatchObject({
      file: "bad/fails.yaml",
      status: "failed",
      played: 1,
      failure: {
        line: 7,
        mismatches: [
          { path: "upstream.headers.x-variant", expected: '"v3"', seen: '"v2"' },
          { path: "response.status", expected: "204", seen: "200 (via_upstream)" },
        ],
      },
    });
  });

  test("writes a JUnit report that is XML, whatever stands in a name", async () => {
    const odd = FAILS.replace("everybody gets v1", '"]]> \\e \\ud800 \\u0001 & <a>"').replace(
      "x-variant: v1",
      "x-variant: v9",
    );
    folder.write("odd/<odd> & 'file'.yaml", odd);
    folder.write("odd/broken.yaml", "filter: dark-launch\nsteps: 1\n");
    const { status } = await folder.run("test", "--junit", "report.xml", "good", "bad", "odd");
    expect(status).toBe(2);
    const [suites] = parseXml(readFileSync(join(folder.path, "report.xml"), "utf8"));
    expect(suites?.name).toBe("testsuites");
    expect(suites?.attributes).toMatchObject({ tests: "4", failures: "2", errors: "1", skipped: "0" });
    const [suite] = suites!.children;
    expect(suite?.attributes.name).toBe("outrigger test on host");
    const cases = new Map(suite!.children.map((one) => [one.attributes.name, one]));
    expect(cases.get("good/passes.yaml")?.children).toEqual([]);
    const failure = cases.get("bad/fails.yaml")?.children[0];
    expect(failure?.name).toBe("failure");
    expect(failure?.attributes.message).toBe('bad/fails.yaml:7: step "beta users get <v3> & more"');
    expect(failure?.text).toContain('- expected "v3"');
    expect(cases.get("odd/<odd> & 'file'.yaml")?.children[0]?.name).toBe("failure");
    expect(cases.get("odd/broken.yaml")?.children[0]?.attributes.message).toContain(
      "odd/broken.yaml:2: steps:",
    );
  });

  test("a report that cannot be written is an error", async () => {
    const { status, stderr } = await folder.run("test", "--junit", "no/such/folder.xml", "good");
    expect(status).toBe(2);
    expect(stderr).toBe("error: cannot write no/such/folder.xml: no such file or folder\n");
  });

  test("tells each error of a scenario with its line, plays the others and answers 2", async () => {
    const file = folder.write(
      "wrong.yaml",
      "filter: dark-launch\nconfig: {}\nsteps:\n  - reqest: {}\n  - request: { port: 1 }\n",
    );
    const { status, stdout, stderr } = await folder.run("test", file, "good");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: wrong\.yaml:4: steps\[0\]\.reqest: /m);
    expect(stderr).toMatch(/^error: wrong\.yaml:5: steps\[1\]\.request\.port: /m);
    expect(stdout).toMatch(/^✓ good\/passes\.yaml/m);
    expect(stdout).toContain("1 passed, 1 file with errors on the V8 host\n");
  });

  test("names a filter that there is not, and a file that is not there", async () => {
    const unknown = folder.write("unknown.yaml", PASSES.replace("dark-launch", "dark-lunch"));
    expect(await folder.run("test", unknown)).toMatchObject({
      status: 2,
      stderr:
        'error: unknown.yaml: no filter "dark-lunch"; expected authz, dark-launch, global-rate-limit, local-rate-limit, trace-propagation, suite\n',
    });
    expect(await folder.run("test", "nowhere.yaml")).toMatchObject({
      status: 2,
      stderr: "error: cannot read nowhere.yaml: no such file or folder\n",
    });
    expect(await folder.run("test")).toMatchObject({
      status: 2,
      stderr: "error: no scenarios in filters/*/scenarios or scenarios/ here; name files or folders\n",
    });
  });

  test("goes into folders, and says which YAML in them is no scenario", async () => {
    folder.write("tree/deep/er/passes.yml", PASSES);
    folder.write("tree/service.yaml", "apiVersion: v1\nkind: Service\n");
    folder.write("tree/node_modules/x.yaml", FAILS);
    folder.write("tree/.hidden/x.yaml", FAILS);
    const { status, stdout, stderr } = await folder.run("test", "tree");
    expect(status).toBe(0);
    expect(stderr).toBe("tree/service.yaml: skipped: not a scenario\n");
    expect(stdout).toMatch(/^✓ tree\/deep\/er\/passes\.yml \(\d+ ms\)\n1 passed on the V8 host\n$/);
  });

  test("takes the modules of another folder", async () => {
    folder.write("mods/greeter.wasm", readFileSync("build/dark-launch.wasm"));
    const file = folder.write("mine.yaml", PASSES.replace("dark-launch", "greeter"));
    expect((await folder.run("test", "--modules", "mods", file)).status).toBe(0);
    const { status, stderr } = await folder.run("test", "--modules", "good", file);
    expect(status).toBe(2);
    expect(stderr).toContain("error: no modules in good; build them first");
    folder.write("junk/greeter.wasm", "not wasm");
    expect(
      await folder.run(
        "validate",
        "--modules",
        "junk",
        "--filter",
        "greeter",
        folder.write("c.yaml", "a: 1"),
      ),
    ).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("junk/greeter.wasm does not load") as string,
    });
  });

  test("is quiet when told to be", async () => {
    expect((await folder.run("test", "-q", "good")).stdout).toBe("1 passed on the V8 host\n");
  });

  test("a scenario of the documentation passes as it stands there", async () => {
    const page = readFileSync("docs/scenarios.md", "utf8");
    const text = /^```yaml\n(.*?)^```$/ms.exec(page)![1]!;
    expect(parse(text)).toHaveProperty("steps");
    const { status, stdout } = await folder.run("test", folder.write("docs.yaml", text));
    expect(stdout).toContain("1 passed");
    expect(status).toBe(0);
  });
});
