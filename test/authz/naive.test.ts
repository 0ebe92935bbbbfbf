/** The model by itself, on the examples of Istio's documentation; and the filter on the V8 host, which decides as the model does. */
import { describe, expect, test } from "vitest";
import { ConfigurationRefused, type Header, type Json } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host, type Listener } from "../host/index.ts";
import { StructValue } from "../host/struct-value.ts";
import { factsOf } from "./facts.ts";
import {
  atPort,
  generateCase,
  METADATA,
  METADATA_FILTER,
  type Case,
  type GeneratedRequest,
} from "./generate.ts";
import { decide, type Facts } from "./naive.ts";
import { pluginConfig, type Policy, type Spec } from "./policies.ts";
import { Random } from "./random.ts";
import { TokenIssuer } from "./tokens.ts";

const MESH = { trustDomain: "cluster.local", trustDomainAliases: [] };

function facts(given: Partial<Facts> & { principal?: string }): Facts {
  const { principal, ...rest } = given;
  return {
    method: "GET",
    path: "/",
    authority: "httpbin.foo",
    scheme: "https",
    headers: [],
    certificate:
      principal === undefined ? null : { uris: [`spiffe://${principal}`], dnsNames: [], subject: "" },
    serverName: "",
    directAddress: "10.0.0.1",
    remoteAddress: "10.0.0.1",
    destinationAddress: "10.0.0.2",
    destinationPort: 8080,
    claims: null,
    metadata: {},
    ...rest,
  };
}

function policy(spec: Spec, name = "httpbin"): Policy {
  return { name, namespace: "foo", spec };
}

describe("the model says what the reference of AuthorizationPolicy says", () => {
  const sleep = "cluster.local/ns/default/sa/sleep";
  const allow = policy({
    action: "ALLOW",
    rules: [
      {
        from: [{ source: { principals: [sleep] } }, { source: { namespaces: ["test"] } }],
        to: [
          { operation: { methods: ["GET"], paths: ["/info*"] } },
          { operation: { methods: ["POST"], paths: ["/data"] } },
        ],
        when: [{ key: "request.auth.claims[iss]", values: ["https://accounts.google.com"] }],
      },
    ],
  });
  const google = { iss: "https://accounts.google.com", sub: "1" };

  test.each([
    ["the account, GET /info/x", { principal: sleep, path: "/info/x", claims: google }, true],
    [
      "the namespace, POST /data",
      { principal: "cluster.local/ns/test/sa/x", method: "POST", path: "/data", claims: google },
      true,
    ],
    ["another namespace", { principal: "cluster.local/ns/tests/sa/x", path: "/info", claims: google }, false],
    ["another path", { principal: sleep, path: "/data", claims: google }, false],
    [
      "another issuer",
      { principal: sleep, path: "/info", claims: { ...google, iss: "https://issuer.test" } },
      false,
    ],
    ["no token", { principal: sleep, path: "/info" }, false],
    ["no certificate", { path: "/info", claims: google }, false],
  ])("its first example: %s", (_, given, allowed) => {
    expect(decide([allow], facts(given), MESH)).toEqual({
      allowed,
      by: "ALLOW",
      rules: allowed ? ["ns[foo]-policy[httpbin]-rule[0]"] : [],
    });
  });

  test("without ALLOW policies all is allowed, with one that has no rules nothing is, with an empty rule everything", () => {
    expect(decide([], facts({}), MESH)).toMatchObject({ allowed: true, by: "none" });
    expect(decide([policy({})], facts({}), MESH)).toMatchObject({ allowed: false, by: "ALLOW" });
    expect(decide([policy({}), policy({ rules: [{}] })], facts({}), MESH)).toMatchObject({ allowed: true });
  });

  test("CUSTOM goes before DENY, DENY before ALLOW, and AUDIT decides nothing", () => {
    const rules = [{}];
    const custom = policy({ action: "CUSTOM", provider: { name: "opa" }, rules }, "custom");
    const deny = policy({ action: "DENY", rules }, "deny");
    const all = [policy({ rules }), deny, custom, policy({ action: "AUDIT", rules })];
    const refuses = (provider: string): boolean => provider !== "opa";
    expect(decide(all, facts({}), MESH, refuses).by).toBe("CUSTOM");
    expect(decide(all, facts({}), MESH)).toEqual({
      allowed: false,
      by: "DENY",
      rules: ["ns[foo]-policy[deny]-rule[0]"],
    });
    expect(
      decide(
        all.filter((one) => one !== deny),
        facts({}),
        MESH,
      ).allowed,
    ).toBe(true);
    expect(decide([all[3]!], facts({}), MESH)).toMatchObject({ allowed: true, by: "none" });
  });

  test.each([
    ["/foo/{*}", "/foo/bar", true],
    ["/foo/{*}", "/foo/bar/baz", false],
    ["/foo/{**}/", "/foo/bar/", true],
    ["/foo/{**}/", "/foo/bar/baz.txt", false],
    ["/foo/{**}/", "/foo//", true],
    ["/foo/{**}/", "/foo/bar", false],
    ["/foo/{*}/bar/{**}", "/foo/buzz/bar/", true],
    ["/foo/{*}/bar/{**}", "/foo/buzz/bar/baz", true],
  ])("the path template %s and %s: %s", (template, path, matches) => {
    const only = policy({ rules: [{ to: [{ operation: { paths: [template] } }] }] });
    expect(decide([only], facts({ path }), MESH).allowed).toBe(matches);
  });

  test.each([
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["abc*", "abcd", true],
    ["*abc", "xabc", true],
    ["*", "", false],
    ["*", "x", true],
  ])("the claim %s and %s: %s", (value, tenant, matches) => {
    const only = policy({ rules: [{ when: [{ key: "request.auth.claims[tenant]", values: [value] }] }] });
    expect(decide([only], facts({ claims: { tenant } }), MESH).allowed).toBe(matches);
  });
});

const MODULE = "build/authz.wasm";
const SECONDS = 12;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`the filter decides as the model does, SEED=${seed}`, { timeout: 120_000 }, () => {
  const tokens = new TokenIssuer();
  const module = loadModule(MODULE);
  const counts = { allowed: 0, "authz:no-allow": 0, "authz:<policy>": 0, unauthorized: 0 };
  const end = performance.now() + SECONDS * 1000;
  for (let number = 0; performance.now() < end; number++) {
    const made = generateCase(Random.of(seed, number), {
      requests: 30,
      jwks: tokens.jwks,
      severalNames: false,
    });
    const one = { ...made, set: atPort(made.set, PORT) };
    const configuration = JSON.stringify(pluginConfig(one.set));
    const host = new Host();
    const listener = listen(host, module, configuration);
    for (const request of one.requests) {
      const known = factsOf(one, request, PORT);
      if (known === "malformed") continue;
      const { status, details } = play(listener, one, request, known, tokens);
      // No authority, say: refused before any filter.
      if (status === 400) continue;
      const where = `SEED=${seed}, set ${number}, ${JSON.stringify({ request, caller: one.callers[request.caller] })}, ${configuration}`;
      if (known === "unauthorized") {
        expect(status, where).toBe(401);
        counts.unauthorized++;
        continue;
      }
      const decision = decide(one.set.policies, known, one.set);
      expect(status, where).toBe(decision.allowed ? 200 : 403);
      if (decision.allowed) counts.allowed++;
      else if (decision.by === "ALLOW") {
        expect(details, where).toBe("authz:no-allow");
        counts["authz:no-allow"]++;
      } else {
        const policies = decision.rules.map((rule) => `authz:${/-policy\[(.*)\]-rule/.exec(rule)![1]!}`);
        expect(policies, where).toContain(details);
        counts["authz:<policy>"]++;
      }
    }
    listener.close();
  }
  console.log(JSON.stringify(counts));
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(100);
});

const PORT = 8080;

function listen(host: Host, module: ReturnType<typeof loadModule>, configuration: string): Listener {
  try {
    return host.listen({ plugins: [{ module, name: "authz", rootId: "authz", configuration }] });
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error;
    throw new Error(`refused: ${error.messages.join("\n")}\n${configuration}`);
  }
}

function play(
  listener: Listener,
  { callers }: Case,
  { caller, method, path, authority, headers, token }: GeneratedRequest,
  known: Facts | "unauthorized",
  tokens: TokenIssuer,
): { status: number; details: string } {
  const { certificate, serverName, directAddress } = callers[caller]!;
  const { attributes } = listener;
  attributes.clear();
  attributes.set("connection.requested_server_name", serverName);
  // As the network companion leaves it.
  attributes.set("outrigger.peer", `${directAddress}:40000`);
  attributes.set("source.address", known === "unauthorized" ? directAddress : known.remoteAddress);
  attributes.set("destination.address", `127.0.0.1:${PORT}`);
  attributes.set("destination.port", BigInt(PORT));
  for (const [name, value] of Object.entries(METADATA)) {
    const path = `metadata.filter_metadata.${METADATA_FILTER}.${name}`;
    attributes.set(path, new StructValue(value));
    if (Array.isArray(value)) attributes.set(`${path}.0`, new StructValue((value as readonly Json[])[0]!));
  }
  const bearer: Header[] =
    token === null
      ? []
      : [
          [
            "authorization",
            `Bearer ${token.forged ? tokens.forged(token.claims) : tokens.token(token.claims)}`,
          ],
        ];
  const { response, info } = listener.run({
    method,
    path,
    authority,
    headers: [...headers, ...bearer],
    ...(certificate === null ? {} : { peer: certificate }),
  });
  return { status: response?.status ?? 0, details: info.details ?? "" };
}
