/** The model by itself, on the examples of Istio's documentation; and the filter on the V8 host, which decides as the model does. */
import { describe, expect, test } from "vitest";
import { loadModule } from "../host/driver.ts";
import { compareManyWithModel, compareWithModel } from "./as-the-model.ts";
import { decide, type Facts } from "./naive.ts";
import type { Policy, Spec } from "./policies.ts";

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

const SECONDS = 12;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`the filter decides as the model does, SEED=${seed}`, { timeout: 120_000 }, () => {
  const counts = compareWithModel(loadModule("build/authz.wasm"), { seconds: SECONDS, seed });
  console.log(JSON.stringify(counts));
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(100);
});

test(`policies that are looked up are found as by walking, SEED=${seed}`, { timeout: 120_000 }, () => {
  const met = compareManyWithModel(loadModule("build/authz.wasm"), { seconds: SECONDS, seed });
  console.log(`${met} requests met a policy`);
  expect(met).toBeGreaterThan(100);
});
