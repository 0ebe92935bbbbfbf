/** `match: all` of what several things may be: those that are there count, and none is not all. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Claims, Header, Json } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host, type Listener } from "../host/index.ts";
import { StructValue } from "../host/struct-value.ts";

const module = loadModule("build/authz.wasm");
const sha256 = (...parts: (string | Buffer)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
const SALT = Buffer.alloc(16, 7);

/** Whether a request with these headers passes a policy with this condition alone. */
function passes(condition: Json, ...headers: Header[]): boolean {
  const configuration = JSON.stringify({
    apiKeys: { from: [{ header: "x-key" }], keys: [{ name: "ci", sha256: sha256("secret") }] },
    basicAuth: {
      users: [{ name: "ann", salt: SALT.toString("hex"), sha256: sha256(SALT, "password") }],
    },
    policies: [{ name: "p", rules: [{ when: [condition] }] }],
  });
  const listener = new Host().listen({
    plugins: [{ module, name: "authz", rootId: "authz", configuration }],
  });
  leave(listener, headers.find(([name]) => name === "x-sizes")?.[1]);
  return listener.run({ method: "GET", path: "/", headers }).upstream !== null;
}

/** As a filter in front does. */
function leave(listener: Listener, sizes: string | undefined): void {
  if (sizes === undefined) return;
  const path = "metadata.filter_metadata.envoy.filters.test.sizes";
  const list = sizes === "" ? [] : sizes.split(",");
  listener.attributes.set(path, new StructValue(list));
  for (const [at, size] of list.entries()) listener.attributes.set(`${path}.${at}`, new StructValue(size));
}

const KEY: Header = ["x-key", "secret"];
const USER: Header = ["authorization", `Basic ${Buffer.from("ann:password").toString("base64")}`];
const who = (text: string): Header => ["x-who", text];

describe.each(["any", "all"])("principals with match: %s", (match) => {
  const same = { key: "request.auth.principal", valuesFrom: ["request.headers[x-who]"], match };
  const other = { key: "request.auth.principal", notValuesFrom: ["request.headers[x-who]"], match };

  test("one, which is the same", () => {
    expect(passes(same, KEY, who("api-key/ci"))).toBe(true);
    expect(passes(other, KEY, who("api-key/ci"))).toBe(false);
    expect(passes(same, USER, who("basic/ann"))).toBe(true);
    expect(passes(other, USER, who("basic/ann"))).toBe(false);
  });

  test("one, which is another", () => {
    expect(passes(same, KEY, who("api-key/other"))).toBe(false);
    expect(passes(other, KEY, who("api-key/other"))).toBe(true);
  });

  test("two, of which one is the same", () => {
    expect(passes(same, KEY, USER, who("basic/ann"))).toBe(match === "any");
    expect(passes(other, KEY, USER, who("basic/ann"))).toBe(false);
  });

  test("nobody", () => {
    expect(passes(same, who("api-key/ci"))).toBe(false);
    expect(passes(other, who("api-key/ci"))).toBe(true);
  });
});

describe.each(["any", "all"])("the principals of a request, by values with match: %s", (match) => {
  const key = "request.auth.principal";

  test("one of two is named", () => {
    expect(passes({ key, values: ["api-key/*"], match }, KEY, USER)).toBe(match === "any");
    expect(passes({ key, notValues: ["api-key/*"], match }, KEY, USER)).toBe(false);
  });

  test("both, one, or none are there", () => {
    expect(passes({ key, values: ["api-key/*", "basic/ann"], match }, KEY, USER)).toBe(true);
    expect(passes({ key, values: ["api-key/*", "basic/ann"], match }, USER)).toBe(true);
    expect(passes({ key, values: ["api-key/*", "basic/ann"], match })).toBe(false);
    expect(passes({ key, notValues: ["*"], match })).toBe(true);
  });
});

test.each(["any", "all"])("a claim with a value that is forbidden does not pass with match: %s", (match) => {
  const key = "request.auth.claims[groups]";
  const claims = { groups: ["banned", "staff"] };
  const passesWith = (condition: Json, given: Claims): boolean => {
    const configuration = JSON.stringify({ policies: [{ name: "p", rules: [{ when: [condition] }] }] });
    const listener = new Host().listen({
      plugins: [{ module, name: "authz", rootId: "authz", configuration }],
    });
    return listener.run({ method: "GET", path: "/", claims: given }).upstream !== null;
  };
  expect(passesWith({ key, notValues: ["banned"], match }, claims)).toBe(false);
  expect(passesWith({ key, notValues: ["banned"], match }, { groups: ["staff"] })).toBe(true);
  expect(passesWith({ key, values: ["staff"], notValues: ["other"], match }, claims)).toBe(match === "any");
});

describe.each(["any", "all"])("a list of metadata with match: %s", (match) => {
  const key = "experimental.envoy.filters.test[sizes]";
  /** Whether a request passes for which a filter has left these. */
  const leaves = (condition: Json, sizes: readonly string[]): boolean =>
    passes(condition, ["x-sizes", sizes.join()]);

  test("some of it are named", () => {
    expect(leaves({ key, values: ["[small]"], match }, ["small", "large"])).toBe(match === "any");
    expect(leaves({ key, values: ["[small]", "[l*]"], match }, ["small", "large"])).toBe(true);
    expect(leaves({ key, notValues: ["[small]"], match }, ["small", "large"])).toBe(false);
    expect(leaves({ key, notValues: ["[small]"], match }, ["large"])).toBe(true);
    expect(leaves({ key, values: ["[small]"], match }, [])).toBe(false);
  });
});

test.each([
  "source.principal",
  "source.namespace",
  "source.ip",
  "remote.ip",
  "destination.port",
  "connection.sni",
  "request.headers[x-team]",
])("match: all is refused with %s, which has no list", (key) => {
  const value = key.endsWith("ip") ? "10.0.0.1" : "80";
  expect(() => passes({ key, values: [value], match: "all" })).toThrow(
    /match: all with a key that has no list/,
  );
  expect(passes({ key, notValues: [value], match: "any" })).toBeTypeOf("boolean");
});
