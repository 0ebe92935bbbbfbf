import { afterAll, describe, expect, test } from "vitest";
import type { Explanation } from "../../cli/explain/dark-launch.ts";
import { Folder } from "./command.ts";

const folder = new Folder();
afterAll(() => folder.remove());

folder.write(
  "authz.yaml",
  `policies:
  - name: reviews
    rules:
      - from: [{ source: { principals: ["cluster.local/ns/shop/sa/cart"] } }]
        to: [{ operation: { methods: [GET], paths: ["/reviews/*"] } }]
      - when: [{ key: "request.headers[x-user]", values: [ann] }]
  - name: no-debug
    action: DENY
    rules: [{ to: [{ operation: { paths: ["/debug/*"] } }] }]
  - { name: trial, mode: shadow, action: DENY, rules: [{}] }
  - { name: internal, action: DENY, rules: [{ from: [{ source: { ipBlocks: ["10.0.0.0/8"] } }], to: [{ operation: { paths: [/internal] } }] }] }
`,
);

async function explain(request: string, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await folder.run(
    "explain",
    "--filter",
    "authz",
    "-c",
    "authz.yaml",
    "-r",
    request,
    ...words,
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

async function answer(request: string, ...words: string[]): Promise<Explanation> {
  const { filters } = JSON.parse(await explain(request, "--json", ...words)) as { filters: Explanation[] };
  expect(filters).toHaveLength(1);
  return filters[0]!;
}

describe("outrigger explain, of authz", () => {
  test("names policy, rule and the clauses that fail", async () => {
    expect(await explain("GET /reviews/1")).toBe(`GET /reviews/1 to example.test

denied with 403, decided by authz:no-allow
  ✗ no-debug rule 0, DENY  fails at to[0].operation.paths
  ✗ internal rule 0, DENY  fails at from[0].source.ipBlocks, to[0].operation.paths
  ✗ reviews rule 0, ALLOW  fails at from[0].source.principals
  ✗ reviews rule 1, ALLOW  fails at when[0] request.headers[x-user]
  ✓ trial rule 0, DENY, on trial  matches
`);
  });

  test("tells who decided, and where that stands", async () => {
    const allowed = await answer("GET /reviews/1", "--peer", "spiffe://cluster.local/ns/shop/sa/cart");
    expect(allowed.judgement).toEqual({ reason: "authz:reviews", allowed: true });
    expect(allowed.policies?.find(({ matches, mode }) => matches && mode === "enforce")).toMatchObject({
      policy: "reviews",
      rule: 0,
      action: "ALLOW",
      failing: [],
      line: 4,
    });
    const denied = await answer("GET /debug/vars", "-H", "x-user: ann");
    expect(denied.judgement).toEqual({ reason: "authz:no-debug", allowed: false, status: 403 });
  });

  test("says what nobody can know here", async () => {
    const { judgement, policies } = await answer("GET /internal", "-H", "x-user: ann");
    expect(judgement).toMatchObject({ reason: "authz:error", allowed: false });
    expect(policies?.find(({ policy }) => policy === "internal")).toMatchObject({ unknown: true });
  });
});
