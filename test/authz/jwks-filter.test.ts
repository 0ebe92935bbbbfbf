/** Tokens whose keys are fetched, through the whole filter: requests wait for keys, and are then decided as others are. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CallAnswer, Fault, Header } from "../driver.ts";
import { Host, type HttpStream, PluginModule } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { ecSigner, type Signer, token } from "../jwt/signing.ts";

const module = PluginModule.compile(readFileSync("build/authz.wasm"));
const ISSUER = "https://issuer.example";

/** A proxy that asks for Ann's token, and an issuer whose keys it fetches. */
class Proxy {
  readonly host = new Host({ ...nodeLibraries, logLevel: 3, workers: 2 });
  readonly reasons: string[] = [];
  answer: CallAnswer | Fault = "silence";
  asked = 0;
  private readonly listener;

  constructor(policies: object[] = [], rule: object = {}, more: object = {}) {
    this.host.clusters.set("outbound|443||issuer.example", {
      http: () => {
        this.asked++;
        return this.answer;
      },
    });
    const jwtRules = [{ issuer: ISSUER, jwksUri: `${ISSUER}/keys`, timeout: "2s", ...rule }];
    const configuration = JSON.stringify({ jwtRules, policies, ...more });
    this.listener = this.host.listen({
      plugins: [{ module, name: "authz", rootId: "authz", configuration }],
    });
  }

  /** The issuer has these keys, which take so many milliseconds to come. */
  has(keys: Record<string, Signer>, after = 0): void {
    const set = Object.entries(keys).map(([kid, { jwk }]) => ({ ...jwk, kid }));
    this.answer = { body: Buffer.from(JSON.stringify({ keys: set })), after };
  }

  advance(milliseconds: number): void {
    this.host.clock.advance(BigInt(milliseconds) * 1_000_000n);
  }

  open(kid: string, signer: Signer, claims: object = {}, headers: readonly Header[] = []): HttpStream {
    const exp = Number(this.host.clock.wall / 1_000_000_000n) + 3600;
    const text = token("ES256", signer, { iss: ISSUER, sub: "ann", exp, ...claims }, { alg: "ES256", kid });
    return this.listener.open({
      method: "GET",
      path: "/",
      headers: [["authorization", `Bearer ${text}`], ...headers],
    });
  }
}

/** Status and reason, or `waits`. */
function saidOf(stream: HttpStream): string {
  if (!stream.finished) return "waits";
  return `${stream.response?.status} ${stream.info.details}`;
}

const [old, fresh] = [ecSigner("P-256"), ecSigner("P-256")];

describe("tokens whose keys are fetched", () => {
  test("wait for the first keys, and are decided by policies then", () => {
    const proxy = new Proxy([
      {
        name: "ann",
        action: "ALLOW",
        rules: [{ from: [{ source: { requestPrincipals: [`${ISSUER}/ann`] } }] }],
      },
    ]);
    proxy.has({ old }, 300);
    const ann = [proxy.open("old", old), proxy.open("old", old)];
    const bob = proxy.open("old", old, { sub: "bob" });
    const forged = proxy.open("old", fresh);
    expect([...ann, bob, forged].map(saidOf)).toEqual(["waits", "waits", "waits", "waits"]);
    proxy.advance(350);
    expect(ann.map(saidOf)).toEqual(["200 via_upstream", "200 via_upstream"]);
    expect(saidOf(bob)).toBe("403 authz:no-allow");
    expect(saidOf(forged)).toBe("401 authz:jwt-signature");
    expect(proxy.asked).toBe(1);
  });

  test("are refused when the keys do not come in time, and at once where the source has failed for long", () => {
    const proxy = new Proxy();
    const stream = proxy.open("old", old);
    proxy.advance(2100);
    expect(saidOf(stream)).toBe("401 authz:jwt-keys-unavailable");
    proxy.answer = { status: 500 };
    proxy.advance(120_000);
    const [first, second] = [proxy.open("old", old), proxy.open("old", old)];
    expect([first, second].map(saidOf)).toContain("401 authz:jwt-keys-unavailable");
  });

  /** The old key's tokens are right; then the source has another key, for whose token's sake it is asked. */
  function expectNewKeyFetched(proxy: Proxy): void {
    proxy.advance(2000);
    expect(saidOf(proxy.open("old", old))).toBe("200 via_upstream");
    proxy.has({ fresh }, 100);
    const stream = proxy.open("fresh", fresh);
    expect(saidOf(stream)).toBe("waits");
    proxy.advance(1200);
    expect(saidOf(stream)).toBe("200 via_upstream");
  }

  test("by a new key wait for one fetch, and those by the old one are refused when it is gone", () => {
    const proxy = new Proxy();
    proxy.has({ old });
    expectNewKeyFetched(proxy);
    expect(saidOf(proxy.open("old", old))).toBe("401 authz:jwt-unknown-key");
    expect(saidOf(proxy.open("old", old))).toBe("401 authz:jwt-unknown-key");
    expect(proxy.asked).toBe(2);
  });

  test("by a new key wait for one fetch, where those that are known have no name", () => {
    const proxy = new Proxy();
    proxy.answer = { body: Buffer.from(JSON.stringify({ keys: [old.jwk] })) };
    expectNewKeyFetched(proxy);
    expect(saidOf(proxy.open("fresh", old))).toBe("401 authz:jwt-signature");
    expect(proxy.asked).toBe(2);
  });

  test("by a key that is none wait for one fetch, and are refused as before", () => {
    const proxy = new Proxy();
    proxy.answer = { body: Buffer.from(JSON.stringify({ keys: [old.jwk] })) };
    proxy.advance(2000);
    const stream = proxy.open("none", fresh);
    proxy.advance(1200);
    expect(saidOf(stream)).toBe("401 authz:jwt-signature");
    expect(saidOf(proxy.open("none", fresh))).toBe("401 authz:jwt-signature");
    expect(proxy.asked).toBe(2);
  });

  test("wait for nothing in shadow mode: keys are fetched, and until they come it is told that there are none", () => {
    const proxy = new Proxy([], {}, { mode: "shadow" });
    proxy.has({ old }, 300);
    const told = (stream: HttpStream): unknown => stream.info.state.properties()["outrigger.authz"];
    const early = proxy.open("old", old);
    expect(saidOf(early)).toBe("200 via_upstream");
    expect(told(early)).toBe("authz:jwt-keys-unavailable");
    expect(proxy.asked).toBe(1);
    proxy.advance(2000);
    expect(proxy.host.metrics.values()["kind=.=jwt-keys-unavailable;.;outrigger_authz_rejected"]).toBe(1);
    expect(told(proxy.open("old", old))).toBeUndefined();
    proxy.has({ fresh }, 100);
    const next = proxy.open("fresh", fresh);
    expect(saidOf(next)).toBe("200 via_upstream");
    expect(told(next)).toBe("authz:jwt-unknown-key");
    proxy.advance(1200);
    expect(told(proxy.open("fresh", fresh))).toBeUndefined();
    expect(proxy.asked).toBe(2);
  });
});
