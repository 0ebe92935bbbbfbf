/** `match: all` of what several things may be: those that are there count, and none is not all. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Header, Json } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host } from "../host/index.ts";

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
  return listener.run({ method: "GET", path: "/", headers }).upstream !== null;
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
    expect(passes(other, KEY, USER, who("basic/ann"))).toBe(match === "all");
  });

  test("nobody", () => {
    expect(passes(same, who("api-key/ci"))).toBe(false);
    expect(passes(other, who("api-key/ci"))).toBe(true);
  });
});
