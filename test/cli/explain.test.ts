import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { ExplainedRule, Explanation } from "../../cli/explain/dark-launch.ts";
import { Folder } from "./command.ts";

const folder = new Folder();
afterAll(() => folder.remove());

interface Answer {
  request: { method: string; path: string; authority: string; headers: [string, string][] };
  plugin: string;
  filters: Explanation[];
}

folder.write(
  "launch.yaml",
  `default: v1
rules:
  - { name: beta-users, variant: v2, match: { headers: { x-beta-user: "true" } } }
  - name: testers
    variant: v2
    match: { path: { prefix: /reviews/ }, cookies: { tester: { in: [alice, bob] } } }
  - { name: trial, variant: v3, mode: shadow, match: { queryParams: { "a b": c } } }
  - name: ramp
    variants: [{ name: v2, weight: 10 }, { name: v1, weight: 90 }]
    by: [{ header: x-user-id }]
    salt: reviews-2026-11
  - { name: late, variant: v4, match: { methods: [POST, PUT] } }
`,
);

async function explain(file: string, request: string, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await folder.run(
    "explain",
    "--filter",
    "dark-launch",
    "-c",
    file,
    "-r",
    request,
    ...words,
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

async function answer(config: unknown, request: string, ...words: string[]): Promise<Explanation> {
  const file = folder.write("config.yaml", JSON.stringify(config));
  const { filters } = JSON.parse(await explain(file, request, "--json", ...words)) as Answer;
  expect(filters).toHaveLength(1);
  return filters[0]!;
}

describe("outrigger explain", () => {
  test("tells which rule decided, and why each other did not", async () => {
    const text = await explain(
      "launch.yaml",
      "GET /reviews/1?a%20b=c",
      "-H",
      "x-beta-user: false",
      "-H",
      "x-user-id: 1",
    );
    expect(text).toBe(`GET /reviews/1?a%20b=c to example.test

variant v1 (x-variant: v1), decided by dark-launch:ramp
  ✗ beta-users  did not match
      headers.x-beta-user: expected "true", the request has "false"
  ✗ testers     did not match
      cookies.tester: expected one of "alice", "bob", the request has none
  ~ trial       matched, and would choose v3 (on trial)
  ✓ ramp        decided: v1
  · late        not reached: ramp decided; it would not match
      methods: expected one of "POST", "PUT", the request has "GET"
ramp chooses among v2 10, v1 90 by header x-user-id.
`);
    const told = text.slice(text.indexOf("\nvariant"));
    expect(readFileSync("docs/cli.md", "utf8")).toContain(told);
  });

  test("names the line of each rule in JSON", async () => {
    const text = await explain("launch.yaml", "/", "--json");
    const [{ rules }] = (JSON.parse(text) as Answer).filters as [Explanation];
    expect(rules.map(({ name, line }) => [name, line])).toEqual([
      ["beta-users", 3],
      ["testers", 4],
      ["trial", 7],
      ["ramp", 8],
      ["late", 12],
    ]);
  });

  test("tells a rule that was not reached and would have matched", async () => {
    const text = await explain(
      "launch.yaml",
      "PUT /reviews/1",
      "-H",
      "X-Beta-User: true",
      "-H",
      "cookie: tester=bob",
    );
    expect(text).toContain("variant v2 (x-variant: v2), decided by dark-launch:beta-users");
    expect(text).toContain("  ✓ beta-users  decided: v2\n");
    expect(text).toContain("  · testers     not reached: beta-users decided; it would choose v2\n");
    expect(text).toContain("by[0]: expected a header x-user-id, the request has none\n");
    expect(text).toContain("  · late        not reached: beta-users decided; it would choose v4\n");
  });

  test("tells the default, and that there is none", async () => {
    const text = await explain("launch.yaml", "/");
    expect(text).toContain("variant v1 (x-variant: v1), decided by dark-launch:default\n");
    const none = await answer({ rules: [] }, "GET /");
    expect(none.decision).toEqual({
      reason: "dark-launch:none",
      variant: null,
      header: "x-variant",
      shadow: false,
    });
  });

  test("shows what is within anyOf and not", async () => {
    const match = {
      anyOf: [{ headers: { "x-a": { prefix: "b" } }, methods: ["GET"] }, { host: { suffix: ".internal" } }],
      not: { queryParams: { debug: { present: true } } },
    };
    const file = folder.write("nested.yaml", JSON.stringify({ rules: [{ name: "n", variant: "v", match }] }));
    const text = await explain(
      file,
      "GET /?debug=",
      "-H",
      "x-a: a",
      "--authority",
      "Reviews.Example.test:8080",
    );
    expect(text).toContain(`  ✗ n  did not match
      anyOf: expected one of these to hold
        - headers.x-a: expected what begins with "b", the request has "a"
        - host: expected what ends with ".internal", the request has "reviews.example.test"
      not: expected this not to hold
        queryParams.debug: holds: any value, the request has ""
`);
  });

  test("tells where a key stands within a percentage", async () => {
    const config = (value: number) => ({
      rules: [
        { name: "p", variant: "v", match: { percentage: { value, by: [{ header: "x-user" }], salt: "s" } } },
      ],
    });
    const rule = (explanation: Explanation): ExplainedRule => explanation.rules[0]!;
    const outside = rule(await answer(config(0), "/", "-H", "x-user: alice"));
    const from = Number(/^this key is in from ([\d.]+) % on$/.exec(outside.conditions[0]!.detail!)![1]);
    expect(rule(await answer(config(from), "/", "-H", "x-user: alice")).matches).toBe(true);
    expect(rule(await answer(config(from - 0.1), "/", "-H", "x-user: alice")).matches).toBe(false);
    expect(rule(await answer(config(100), "/")).conditions[0]!.detail).toBe("the request has no such key");
  });

  test("tells that the launch is over at the time that --now sets", async () => {
    const config = {
      default: "v1",
      expires: "2026-12-31T00:00:00Z",
      rules: [{ name: "all", variant: "v2" }],
    };
    const before = await answer(config, "/", "--now", "2026-12-30T23:59:59Z");
    expect(before.decision?.reason).toBe("dark-launch:all");
    const after = await answer(config, "/", "--now", "2026-12-31T00:00:00Z");
    expect(after.decision).toMatchObject({ reason: "dark-launch:expired", variant: "v1" });
    expect(after.rules[0]).toMatchObject({ result: "unasked", matches: true, variant: "v2" });
    expect(after.notes).toContain("expires: the launch ended at 2026-12-31T00:00:00Z.");
  });

  test("tells that the launch is switched off, or on trial", async () => {
    const rules = [{ name: "all", variant: "v2" }];
    const disabled = await answer({ disabled: true, default: "v1", rules }, "/");
    expect(disabled.decision).toMatchObject({ reason: "dark-launch:disabled", variant: "v1" });
    expect(disabled.rules[0]).toMatchObject({ result: "unasked", matches: true });
    const shadow = await answer({ mode: "shadow", rules }, "/");
    expect(shadow.decision).toMatchObject({ reason: "dark-launch:all", variant: "v2", shadow: true });
    expect(shadow.notes.join()).toContain("mode: shadow");
  });

  test("tells what became of a variant that came in", async () => {
    const rules = [{ name: "all", variant: "v2" }];
    const forged = await answer({ rules }, "/", "-H", "x-variant: v9");
    expect(forged.notes).toEqual(['The x-variant that came in ("v9") does not count: trustInbound is off.']);
    const trusted = await answer({ trustInbound: true, default: "v1", rules }, "/", "-H", "x-variant: v1");
    expect(trusted.decision).toMatchObject({ reason: "dark-launch:inbound", variant: "v1" });
    expect(trusted.rules[0]?.result).toBe("unasked");
    const unknown = await answer({ trustInbound: true, rules }, "/", "-H", "x-variant: v9");
    expect(unknown.notes[0]).toContain("it is not one of the variants");
  });

  test("tells what the sticky cookie keeps, and that one is set", async () => {
    const config = {
      rules: [
        {
          name: "ramp",
          variants: [
            { name: "v1", weight: 1 },
            { name: "v2", weight: 1000000 },
          ],
          by: [{ header: "x-user" }],
        },
      ],
      sticky: { cookie: { name: "launch" } },
    };
    const kept = await answer(config, "/", "-H", "x-user: a", "-H", "cookie: launch=v1");
    expect(kept.decision?.variant).toBe("v1");
    expect(kept.notes[0]).toBe("sticky: the cookie launch keeps v1; without it the rule chooses v2.");
    const fresh = await answer(config, "/", "-H", "x-user: a");
    expect(fresh.notes).toContain("The response sets a cookie: launch=v2; Path=/");
  });

  test("asks with what the proxy knows", async () => {
    const source = { principals: ["cluster.local/ns/a/sa/b"] };
    const config = { rules: [{ name: "caller", variant: "v", match: { source } }] };
    const attributes = [
      "connection.mtls=true",
      "connection.uri_san_peer_certificate=spiffe://cluster.local/ns/a/sa/b",
    ];
    const words = attributes.flatMap((attribute) => ["--attribute", attribute]);
    expect((await answer(config, "/", ...words)).decision?.reason).toBe("dark-launch:caller");
    const none = await answer(config, "/");
    expect(none.rules[0]?.conditions).toMatchObject([{ path: "source.principals", holds: false }]);
  });

  test("asks with a verified token and a caller's certificate", async () => {
    const source = { namespaces: ["shop"] };
    const match = { source, claims: { groups: "admins" } };
    const config = { rules: [{ name: "admins", variant: "none", match }] };
    const peer = ["--peer", "spiffe://cluster.local/ns/shop/sa/cart"];
    const both = await answer(config, "/", ...peer, "--claims", '{"groups": ["users", "admins"]}');
    expect(both.decision).toMatchObject({ reason: "dark-launch:admins", variant: "none" });
    const caller = await answer(config, "/", ...peer, "--claims", '{"groups": "users"}');
    expect(caller.decision).toMatchObject({ reason: "dark-launch:none", variant: null });
    const claims = caller.rules[0]?.conditions.map(({ path, holds }) => [path, holds]);
    expect(claims).toEqual([
      ["source.namespaces", true],
      ["claims.groups", false],
    ]);
  });

  test("explains each filter of a suite behind those before it", async () => {
    const suite = {
      filters: [
        {
          darkLaunch: {
            header: "x-first",
            default: "a",
            rules: [{ name: "r", variant: "b", match: { path: "/b" } }],
          },
        },
        {
          darkLaunch: {
            header: "x-second",
            rules: [{ name: "r", variant: "c", match: { headers: { "x-first": "b" } } }],
          },
        },
      ],
    };
    const file = folder.write("suite.yaml", JSON.stringify(suite));
    const run = async (path: string): Promise<Explanation[]> => {
      const { stdout } = await folder.run("explain", "--filter", "suite", "-c", file, "-r", path, "--json");
      return (JSON.parse(stdout) as Answer).filters;
    };
    const [first, second] = await run("/b");
    expect(first).toMatchObject({
      path: "filters[0].darkLaunch",
      decision: { reason: "dark-launch:r", variant: "b" },
    });
    expect(second).toMatchObject({
      path: "filters[1].darkLaunch",
      decision: { reason: "dark-launch:r", variant: "c" },
    });
    const [, other] = await run("/");
    expect(other?.decision?.reason).toBe("dark-launch:none");
    expect(other?.rules[0]?.conditions).toMatchObject([
      { path: "headers.x-first", holds: false, actual: "a" },
    ]);
  });

  test("takes a resource, and one of several by its name", async () => {
    const plugin = (name: string, variant: string): string => `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ${name} }
spec: { url: "oci://x/dark-launch:1", pluginConfig: { default: ${variant} } }
`;
    const file = folder.write("two.yaml", `${plugin("a", "v1")}---\n${plugin("b", "v2")}`);
    const chosen = await folder.run("explain", "-c", file, "-r", "/", "--plugin", "b");
    expect(chosen.stdout).toContain("variant v2");
    const unclear = await folder.run("explain", "-c", file, "-r", "/");
    expect(unclear).toMatchObject({
      status: 2,
      stderr: "error: two.yaml has several plugins; choose one with --plugin:\n  a, line 4\n  b, line 9\n",
    });
    expect((await folder.run("explain", "-c", file, "-r", "/", "--plugin", "c")).stderr).toContain(
      'no plugin of the name "c"',
    );
  });

  test("an invalid configuration is told as validate tells it", async () => {
    const file = folder.write("invalid.yaml", "defualt: v1\n");
    const { status, stdout, stderr } = await folder.run(
      "explain",
      "--filter",
      "dark-launch",
      "-c",
      file,
      "-r",
      "/",
    );
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^invalid\.yaml:1:1: error: defualt: unknown field.*\nnothing to explain: the configuration is invalid\n$/,
    );
  });

  test("a request that no filter sees is told as such", async () => {
    const unseen = await answer({}, "GET /a%00b");
    expect(unseen.decision).toBeUndefined();
    expect(unseen.notes[0]).toBe(
      "The request does not reach the filter: it is answered with 400 before (path_normalization_failed).",
    );
  });

  test("refuses what is no request, no header and no time", async () => {
    const cases: [words: string[], message: string][] = [
      [["-r", "GET"], '--request: expected a path that begins with /, got "GET"'],
      [["-r", "GET / a b"], '--request: expected a method and a path, like "GET /x?y=1", got "GET / a b"'],
      [["-r", "http://x/"], "--request: expected a path that begins with /"],
      [["-r", "/", "-H", "x"], '--header: expected "name: value", got "x"'],
      [["-r", "/", "--now", "tomorrow"], '--now: expected a time like 2026-12-31T00:00:00Z, got "tomorrow"'],
      [["-r", "/", "--claims", "{"], "--claims: "],
      [["-r", "/", "--claims", "[1]"], '--claims: expected a JSON object, got "[1]"'],
      [["-r", "/", "--attribute", "x"], "--attribute: expected path=value"],
      [
        ["-r", "/", "--attribute", "destination.port=http"],
        '--attribute: expected a whole number for destination.port, like 8080, got "http"',
      ],
    ];
    for (const [words, message] of cases) {
      const { status, stderr } = await folder.run("explain", "-c", "launch.yaml", ...words);
      expect(status).toBe(2);
      expect(stderr).toContain(`error: ${message}`);
    }
  });

  test("a thousand rules are explained at once", async () => {
    const rules = Array.from({ length: 1000 }, (_, at) => ({
      name: `r${at}`,
      variant: "v",
      match: {
        headers: { "x-user": `u${at}` },
        cookies: { c: { in: Array.from({ length: 50 }, (__, n) => `${at}-${n}`) } },
      },
    }));
    const { decision, rules: explained } = await answer(
      { rules },
      "/",
      "-H",
      "x-user: u999",
      "-H",
      "cookie: c=999-49",
    );
    expect(decision?.reason).toBe("dark-launch:r999");
    expect(explained[0]!.conditions.map(({ path, holds }) => [path, holds])).toEqual([
      ["headers.x-user", false],
      ["cookies.c", false],
    ]);
  });
});
