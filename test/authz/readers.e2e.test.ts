/** What istiod's validation refuses, the module refuses too; what it takes, the module takes, but for what is listed here. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigurationRefused } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host } from "../host/index.ts";
import { IstioRbac } from "../peers/istio-rbac.ts";
import { atPort, generateCase } from "./generate.ts";
import { Random } from "./random.ts";

const MODULE = loadModule("build/authz.wasm");
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SPECS = 1500;

let istio: IstioRbac;
// The first time on a machine it is built.
beforeAll(async () => (istio = await IstioRbac.start()), 1_200_000);
afterAll(() => istio?.stop());

/** What istiod says of a policy with this specification; null where it takes it. */
async function refusalOfIstio(spec: object): Promise<string | null> {
  const { policyErrors } = await istio.translate({
    trustDomain: "cluster.local",
    policies: [{ name: "policy", namespace: "foo", spec }],
  });
  const [error = ""] = policyErrors;
  return error === "" ? null : error;
}

/** What the module says. */
function refusalOfOurs(spec: object): string | null {
  const policies = [{ name: "policy", namespace: "foo", ...spec }];
  const configuration = JSON.stringify({ policies });
  try {
    new Host()
      .listen({ plugins: [{ module: MODULE, name: "authz", rootId: "authz", configuration }] })
      .close();
    return null;
  } catch (error) {
    if (error instanceof ConfigurationRefused) return error.messages.join("\n");
    throw error;
  }
}

const when = (key: string): object => ({ rules: [{ when: [{ key, values: ["a"] }] }] });
const paths = (path: string): object => ({ rules: [{ to: [{ operation: { paths: [path] } }] }] });

test.each([
  [
    "a condition on no attribute, which istiod drops from DENY policies and which drops a rule from ALLOW policies",
    when("request.headersX[a]"),
  ],
  ["the same of a claim", when("request.auth.claimsX[a]")],
  ["headers that no request can have", when("request.headers[a b]")],
  ["a path template that Envoy does not take, and with it the listener", paths("foo/{*}")],
  ["one with two slashes", paths("/{*}//")],
  ["a null for a list", { rules: null }],
  ["a null for a rule, which istiod reads as one that always matches", { rules: [null] }],
  ["an action by its number", { action: 1, rules: [{}] }],
  ["names as protobuf writes them", { rules: [{ from: [{ source: { not_principals: ["a"] } }] }] }],
  ["an IPv6 zone, which istiod forgets", { rules: [{ from: [{ source: { ipBlocks: ["fe80::1%eth0"] } }] }] }],
])("the module is stricter: %s", async (_, spec) => {
  expect(await refusalOfIstio(spec)).toBe(null);
  expect(refusalOfOurs(spec)).not.toBe(null);
});

/** What the module says where it is stricter. */
const STRICTER = [
  /got (null|an empty list|an empty object|\d)/,
  /\.key: expected source\.ip/,
  /expected a path template/,
  /unknown field/,
  /expected an IP address or a block.*%/,
];

test(`specifications with something changed, SEED=${seed}`, { timeout: 300_000 }, async () => {
  const counts = { taken: 0, refused: 0, stricter: 0 };
  for (let number = 0; counts.taken + counts.refused + counts.stricter < SPECS; number++) {
    const random = Random.of(seed, number);
    const { set } = generateCase(random, { requests: 0, jwks: "", severalNames: false });
    for (const { spec } of atPort(set, 8080).policies) {
      const changed = random.chance(0.8) ? change(spec, random) : spec;
      const [theirs, ours] = [await refusalOfIstio(changed), refusalOfOurs(changed)];
      const where = `SEED=${seed}, set ${number}: ${JSON.stringify(changed)}\nistiod: ${theirs}\nours: ${ours}`;
      if (theirs !== null) expect(ours, where).not.toBe(null);
      const isStricter = theirs === null && ours !== null;
      if (isStricter)
        expect(
          STRICTER.some((one) => one.test(ours)),
          where,
        ).toBe(true);
      counts[isStricter ? "stricter" : theirs === null ? "taken" : "refused"]++;
    }
  }
  console.log(JSON.stringify(counts));
  expect(counts.taken).toBeGreaterThan(SPECS / 5);
  expect(counts.refused).toBeGreaterThan(SPECS / 5);
  // Otherwise the list above hides what it should not.
  expect(counts.stricter).toBeLessThan(SPECS / 5);
});

const TOKENS: readonly unknown[] = [
  "", "*", "**", "a*", "*a", "a*b", "*a*", "{*}", "/{*}", "/a/{**}/{*}", "/{**}/a", "/a{b", "/{*}x", "/{*}/*", "/é/{*}", "/=/{*}", "a/b", "/a", "a/",
  "a/b/c", "10.0.0.1", "10.0.0.0/33", "10.0.0.0/08", "010.0.0.1", "::1", "::/129", "1.2.3", "80", "080", "65536", "-1", "+1", "8e1",
  "é", "request.headers[a]", "request.headers[]", "request.headers[a", "request.auth.claims[a][b]", "request.auth.claims", "source.ip",
  "source.user", "destination.labels[a]", "destination.port", "experimental.envoy.filters.a[b]", "experimental.envoy.filters.a",
  "experimental.a[b]", "ALLOW", "DENY", "deny", "x".repeat(321), 7, true, null, {}, [], ["a"], ["a", ""], { a: 1 },
]; // prettier-ignore

/** One value replaced, one member removed, added or renamed. */
function change(spec: object, random: Random): object {
  const copy = JSON.parse(JSON.stringify(spec)) as object;
  const places: { owner: Record<string, unknown>; name: string }[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const name of Object.keys(value)) {
      places.push({ owner: value as Record<string, unknown>, name });
      walk((value as Record<string, unknown>)[name]);
    }
  };
  walk(copy);
  if (places.length === 0) return copy;
  const { owner, name } = random.pick(places);
  switch (random.between(0, 5)) {
    case 0:
      if (Array.isArray(owner)) owner.splice(Number(name), 1);
      else delete owner[name];
      break;
    case 1:
      if (!Array.isArray(owner))
        owner[random.pick(["serviceAccounts", "principals", "values", "selectors", "x"])] = ["a"];
      break;
    default:
      owner[name] = random.pick(TOKENS);
  }
  return copy;
}
