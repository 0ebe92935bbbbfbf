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
  return explainBy("authz.yaml", request, ...words);
}

async function explainBy(config: string, request: string, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await folder.run(
    "explain",
    "--filter",
    "authz",
    "-c",
    config,
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
on trial: would be denied by authz:trial
  ✗ no-debug rule 0, DENY  fails at to[0].operation.paths
  ✗ internal rule 0, DENY  fails at from[0].source.ipBlocks, to[0].operation.paths
  ✗ reviews rule 0, ALLOW  fails at from[0].source.principals
  ✗ reviews rule 1, ALLOW  fails at when[0] request.headers[x-user]
  ✓ trial rule 0, DENY, on trial  matches
`);
  });

  test("takes a policy without rules, which allows nothing, for no refusal of credentials", async () => {
    folder.write("nothing.yaml", "policies: [{ name: nothing }]\n");
    expect(await explainBy("nothing.yaml", "GET /")).toBe(`GET / to example.test

denied with 403, decided by authz:no-allow
`);
  });

  test("asks with the port that --attribute gives", async () => {
    folder.write(
      "ports.yaml",
      'policies: [{ name: web, rules: [{ to: [{ operation: { ports: ["9090"] } }] }] }]\n',
    );
    const decided = async (port: string): Promise<string> =>
      (await explainBy("ports.yaml", "GET /", "--attribute", `destination.port=${port}`)).split("\n")[2]!;
    expect(await decided("9090")).toBe("allowed, decided by authz:web");
    expect(await decided("9091")).toBe("denied with 403, decided by authz:no-allow");
  });

  test("asks with the direct peer that --attribute gives", async () => {
    const asked = await explain("GET /internal", "--attribute", "outrigger.peer=10.1.2.3:40000");
    expect(asked).toContain("denied with 403, decided by authz:internal\n");
    const other = await explain("GET /internal", "--attribute", "outrigger.peer=11.1.2.3:40000");
    expect(other).toContain("denied with 403, decided by authz:no-allow\n");
  });

  test("tells a gRPC request's status, which is not that of HTTP", async () => {
    const denied = await explain("POST /debug/vars", "-H", "content-type: application/grpc");
    expect(denied).toContain("denied with gRPC status 7, decided by authz:no-debug\n");
  });

  test("tells who decided, and where that stands", async () => {
    const allowed = await answer("GET /reviews/1", "--peer", "spiffe://cluster.local/ns/shop/sa/cart");
    expect(allowed.judgement).toEqual({
      reason: "authz:reviews",
      allowed: true,
      trial: ["authz:trial"],
    });
    expect(allowed.policies?.find(({ matches, mode }) => matches && mode === "enforce")).toMatchObject({
      policy: "reviews",
      rule: 0,
      action: "ALLOW",
      failing: [],
      line: 4,
    });
    const denied = await answer("GET /debug/vars", "-H", "x-user: ann");
    expect(denied.judgement).toEqual({
      reason: "authz:no-debug",
      allowed: false,
      status: 403,
      trial: ["authz:trial"],
    });
  });

  test("says what nobody can know here", async () => {
    const { judgement, policies } = await answer("GET /internal", "-H", "x-user: ann");
    expect(judgement).toMatchObject({ reason: "authz:error", allowed: false });
    expect(policies?.find(({ policy }) => policy === "internal")).toMatchObject({ unknown: true });
  });

  test("tells policies of one name in two namespaces apart", async () => {
    folder.write(
      "names.yaml",
      `policies:
  - { name: edge, namespace: a, action: DENY, rules: [{ to: [{ operation: { paths: ["/x"] } }] }] }
  - { name: edge, namespace: b, mode: shadow, rules: [{ to: [{ operation: { paths: ["/y"] } }] }] }
  - { name: edge, rules: [{}] }
`,
    );
    const { filters } = JSON.parse(await explainBy("names.yaml", "GET /y", "--json")) as {
      filters: Explanation[];
    };
    expect(filters[0]!.policies).toMatchObject([
      { policy: "edge", namespace: "a", action: "DENY", mode: "enforce", matches: false, line: 2 },
      { policy: "edge", action: "ALLOW", mode: "enforce", matches: true, line: 4 },
      { policy: "edge", namespace: "b", action: "ALLOW", mode: "shadow", matches: true, line: 3 },
    ]);
    expect(await explainBy("names.yaml", "GET /x")).toContain("a/edge rule 0, DENY  matches");
  });

  test("of CUSTOM policies of one name, too", async () => {
    folder.write(
      "custom.yaml",
      `extensionProviders: [{ name: opa, envoyExtAuthzHttp: { service: opa.x, port: 80 } }]
policies:
  - { name: edge, namespace: a, action: CUSTOM, provider: { name: opa }, rules: [{}] }
  - { name: edge, namespace: b, action: CUSTOM, provider: { name: opa }, rules: [{}] }
`,
    );
    const told = await explainBy("custom.yaml", "GET /x");
    expect(told).toContain("a/edge rule 0, CUSTOM  matches\n  ✓ b/edge rule 0, CUSTOM  matches\n");
    expect(told).toContain("its provider is asked first");
  });

  test("takes --claims for those of a verified token, and says where remote keys would be needed", async () => {
    folder.write(
      "remote.yaml",
      `jwtRules: [{ issuer: "https://issuer.example", jwksUri: "https://issuer.example/jwks", spaceDelimitedClaims: [roles] }]
policies:
  - name: staff
    rules:
      - from: [{ source: { requestPrincipals: ["https://issuer.example/ann"] } }]
        when: [{ key: "request.auth.claims[roles]", values: [admin] }]
`,
    );
    const claims = { iss: "https://issuer.example", sub: "ann", roles: "user admin" };
    const known = await explainBy("remote.yaml", "GET /x", "--claims", JSON.stringify(claims));
    expect(known).toContain("allowed, decided by authz:staff");
    expect(known).toContain("jwtRules are not asked");
    folder.write(
      "anybody.yaml",
      `jwtRules: [{ jwksUri: "https://issuer.example/jwks", spaceDelimitedClaims: [roles] }]
policies: [{ name: staff, rules: [{ when: [{ key: "request.auth.claims[roles]", values: [admin] }] }] }]
`,
    );
    expect(await explainBy("anybody.yaml", "GET /x", "--claims", JSON.stringify(claims))).toContain(
      "allowed, decided by authz:staff",
    );
    const other = await explainBy(
      "remote.yaml",
      "GET /x",
      "--claims",
      JSON.stringify({ ...claims, iss: "x" }),
    );
    expect(other).toContain("denied with 403, decided by authz:no-allow");
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "RS256" })}.${part(claims)}.AAAA`;
    const shown = await explainBy("remote.yaml", "GET /x", "-H", `authorization: Bearer ${token}`);
    expect(shown).toContain("denied with 401, decided by authz:jwt-keys-unavailable");
    expect(shown).toContain("Remote keys are not asked here: give --claims.");
  });

  test("tells of no trial where the credentials are refused before", async () => {
    folder.write(
      "refused.yaml",
      `jwtRules: [{ issuer: "https://issuer.example", jwksUri: "https://issuer.example/jwks" }]
policies:
  - { name: open, rules: [{}] }
  - { name: trial, mode: shadow, rules: [{ to: [{ operation: { paths: ["/x"] } }] }] }
`,
    );
    const told = await explainBy("refused.yaml", "GET /x", "-H", "authorization: Bearer a.b.c");
    expect(told).toContain("The credentials are refused before any policy is asked.");
    expect(told).not.toContain("on trial: would be denied");
  });

  test("tells what a trial of all of it would deny", async () => {
    folder.write("trial.yaml", "mode: shadow\npolicies: [{ name: nobody }]\n");
    expect(await explainBy("trial.yaml", "GET /x")).toContain(
      "allowed, no policy denies it, and none has to allow it\non trial: would be denied by authz:no-allow\n",
    );
    folder.write(
      "key.yaml",
      `mode: shadow
apiKeys:
  from: [{ header: x-api-key }]
  keys: [{ name: ci, sha256: "${"0".repeat(64)}" }]
policies: [{ name: anybody, rules: [{}] }, { name: audit, action: AUDIT, rules: [{}] }]
`,
    );
    expect(await explainBy("key.yaml", "GET /x", "-H", "x-api-key: wrong")).toContain(
      "\non trial: would be denied by authz:api-key\n  ✓",
    );
    expect(await explainBy("key.yaml", "GET /x")).not.toContain("would be denied");
  });
});
