/** One token before many rules: what a client makes the proxy do must not grow with the configuration. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Host, type Listener, PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { base64url, token as signed } from "../jwt/signing.ts";
import { ALPHA } from "./jwt-tokens.ts";

const module = PluginModule.compile(readFileSync("build/authz.wasm"));
const ec = ALPHA.keys[1]!;
const jwks = JSON.stringify({ keys: [ec.jwk] });

/** A proxy with so many rules, each with an issuer of its own. */
function listen(count: number): { host: Host; listener: Listener } {
  const host = new Host({ ...nodeLibraries, logLevel: 3, workers: 1 });
  const jwtRules = Array.from({ length: count }, (_, at) => ({ issuer: `https://issuer-${at}.test`, jwks }));
  const configuration = JSON.stringify({ jwtRules });
  const listener = host.listen({ plugins: [{ module, name: "authz", rootId: "authz", configuration }] });
  return { host, listener };
}

const HEADER = base64url('{"alg":"ES256"}');
/** As large as Envoy lets a request's headers be, and all small values. */
const LARGE = `${HEADER}.${base64url(`{"iss":"nobody","a":[${"0,".repeat(20_000)}0]}`)}.${"A".repeat(86)}`;

test("a large token takes no more memory before 500 rules than one rule takes, wherever it stands", () => {
  const { host, listener } = listen(500);
  const before = host.wasmMemoryBytes();
  for (const request of [
    { method: "GET", path: "/", headers: [["authorization", `Bearer ${LARGE}`]] as const },
    // Has to be decoded first.
    { method: "GET", path: `/?access_token=%65${LARGE.slice(1)}` },
  ]) {
    const { response, info } = listener.run(request);
    expect([response?.status, info.details]).toEqual([401, "authz:jwt-issuer"]);
  }
  expect(host.wasmMemoryBytes() - before).toBeLessThan(8 << 20);
});

test("two large tokens in two headers, at which rules look in turn, are each taken apart once", () => {
  const host = new Host({ ...nodeLibraries, logLevel: 3, workers: 1 });
  const jwtRules = Array.from({ length: 500 }, (_, at) => ({
    issuer: `https://issuer-${at}.test`,
    jwks,
    fromHeaders: [{ name: at % 2 === 0 ? "x-one" : "x-two" }],
  }));
  const configuration = JSON.stringify({ jwtRules });
  const listener = host.listen({ plugins: [{ module, name: "authz", rootId: "authz", configuration }] });
  const before = host.wasmMemoryBytes();
  const half = `${HEADER}.${base64url(`{"iss":"nobody","a":[${"0,".repeat(9_000)}0]}`)}.${"A".repeat(86)}`;
  const headers = [
    ["x-one", half],
    ["x-two", half.replace("AAAA", "AAAB")],
  ] as const;
  const { response, info } = listener.run({ method: "GET", path: "/", headers });
  expect([response?.status, info.details]).toEqual([401, "authz:jwt-issuer"]);
  expect(host.wasmMemoryBytes() - before).toBeLessThan(8 << 20);
});

test("a header without a token is looked through once for all rules", () => {
  const took = (count: number): number => {
    const { listener } = listen(count);
    const times = [" ", "!"].map((filling) => {
      const headers = [["authorization", `Bearer ${"!".repeat(20)}${filling.repeat(50_000)}!`]] as const;
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        expect(listener.run({ method: "GET", path: "/", headers }).response?.status).toBe(401);
        return performance.now() - start;
      });
      return Math.min(...times);
    });
    return Math.max(...times);
  };
  // Where each rule looked, it was 490 times as long.
  expect(took(500) / took(1)).toBeLessThan(8);
});

test("each rule still decides for itself, and of two tokens each is looked at", () => {
  const { listener } = listen(20);
  const of = (issuer: number, more: object = {}): string =>
    signed("ES256", ec, { iss: `https://issuer-${issuer}.test`, sub: "ann", ...more }, { alg: "ES256" });
  const ask = (header: string | null, parameter: string | null): string => {
    const { response, info } = listener.run({
      method: "GET",
      path: parameter === null ? "/" : `/?access_token=${parameter}`,
      headers: header === null ? [] : [["authorization", `Bearer ${header}`]],
    });
    return `${response?.status} ${info.details}`;
  };
  const passed = "200 via_upstream";
  for (const issuer of [0, 7, 19]) expect(ask(of(issuer), null)).toBe(passed);
  // Now some are known, and some are not.
  expect(ask(of(7), of(7, { a: 1 }))).toBe(passed);
  expect(ask(of(3), of(3))).toBe(passed);
  expect(ask(of(7), of(8))).toBe("401 authz:jwt-issuer");
  expect(ask(of(20), of(7))).toBe("401 authz:jwt-issuer");
  expect(ask("x", of(7))).toBe("401 authz:jwt-malformed");
  expect(ask(of(7), of(7, { exp: 1 }))).toBe("401 authz:jwt-expired");
});
