/** CUSTOM policies in the whole filter: who is asked about which requests, in which order, and what comes of it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Host, PluginModule, type Listener } from "../host/index.ts";
import { headerList } from "../host/stream.ts";
import { allowed, denied, GrpcAuthorizer, option } from "./ext-authz.ts";

const module = PluginModule.compile(readFileSync("build/authz.wasm"));

/** A proxy with two providers and these policies. */
class Proxy {
  readonly first = new GrpcAuthorizer();
  readonly second = new GrpcAuthorizer();
  readonly host = new Host({ logLevel: 3 });
  readonly listener: Listener;

  constructor(policies: readonly object[], more: object = {}) {
    this.host.clusters.set("first", this.first.cluster);
    this.host.clusters.set("second", this.second.cluster);
    const provider = (name: string): object => ({ name, envoyExtAuthzGrpc: { cluster: name, ...more } });
    const configuration = JSON.stringify({
      extensionProviders: [provider("first"), provider("second")],
      policies,
    });
    this.listener = this.host.listen({
      plugins: [{ module, name: "authz", rootId: "authz", configuration }],
    });
  }

  get(path: string, headers: [string, string][] = []): { status: number; details: string; told: string[] } {
    const stream = this.listener.run({ method: "GET", path, headers });
    return {
      status: stream.response?.status ?? 0,
      details: stream.info.details ?? "",
      told: headerList(stream.response?.headers ?? null)
        .filter(([name]) => name.startsWith("x-") && !name.startsWith("x-envoy-"))
        .map(([name, value]) => `${name}=${value}`),
    };
  }
}

const asks = (provider: string, paths: readonly string[], name = `ask-${provider}`): object => ({
  name,
  action: "CUSTOM",
  provider: { name: provider },
  rules: [{ to: [{ operation: { paths } }] }],
});

describe("a CUSTOM policy", () => {
  test("asks its provider about what its rules match, and about nothing else", () => {
    const proxy = new Proxy([asks("first", ["/private/*"])]);
    expect(proxy.get("/public").status).toBe(200);
    expect(proxy.first.asked).toHaveLength(0);
    expect(proxy.get("/private/a").status).toBe(200);
    expect(proxy.first.asked).toHaveLength(1);
    expect(proxy.second.asked).toHaveLength(0);
  });

  test("has its name in the reason of a denial, and not in that of a failure", () => {
    const proxy = new Proxy([asks("first", ["/a"]), asks("second", ["/b"])], { statusOnError: "500" });
    proxy.first.answer = () => denied({ status: { code: 401 }, headers: [option("x-why", "no")] });
    proxy.second.answer = () => (exchange) => exchange.end(13);
    expect(proxy.get("/a")).toEqual({ status: 401, details: "authz:ask-first", told: ["x-why=no"] });
    expect(proxy.get("/b")).toEqual({ status: 500, details: "authz:custom-error", told: [] });
  });

  test("comes before DENY and ALLOW, which see the request as the service left it", () => {
    const proxy = new Proxy([
      {
        name: "no-guests",
        action: "DENY",
        rules: [{ when: [{ key: "request.headers[x-role]", values: ["guest"] }] }],
      },
      { name: "admins", rules: [{ when: [{ key: "request.headers[x-role]", values: ["admin"] }] }] },
      asks("first", ["*"]),
    ]);
    const answer = (role: string): void => {
      proxy.first.answer = () =>
        allowed({ headers: [option("x-role", role)], responseHeadersToAdd: [option("x-set", role)] });
    };
    answer("admin");
    expect(proxy.get("/", [["x-role", "guest"]])).toEqual({
      status: 200,
      details: "via_upstream",
      told: ["x-set=admin"],
    });
    answer("guest");
    expect(proxy.get("/", [["x-role", "admin"]])).toMatchObject({ status: 403, details: "authz:no-guests" });
    answer("nobody");
    expect(proxy.get("/", [["x-role", "admin"]])).toMatchObject({ status: 403, details: "authz:no-allow" });
    proxy.first.answer = () => denied();
    expect(proxy.get("/", [["x-role", "admin"]])).toMatchObject({ status: 403, details: "authz:ask-first" });
  });

  test("of each provider is asked, and the first denial ends it", () => {
    const proxy = new Proxy([asks("first", ["*"]), asks("second", ["*"])]);
    proxy.first.answer = () => allowed({ responseHeadersToAdd: [option("x-one", "1")] });
    proxy.second.answer = () => allowed({ responseHeadersToAdd: [option("x-two", "2")] });
    expect(proxy.get("/").told).toEqual(["x-one=1", "x-two=2"]);
    proxy.first.answer = () => denied();
    expect(proxy.get("/").details).toBe("authz:ask-first");
    expect(proxy.second.asked).toHaveLength(1);
  });

  test("may be one of several for a provider, which is asked once", () => {
    const proxy = new Proxy([asks("first", ["/a"], "one"), asks("first", ["/a", "/b"], "two")]);
    proxy.first.answer = () => denied();
    expect(proxy.get("/a").details).toBe("authz:one");
    expect(proxy.get("/b").details).toBe("authz:two");
    expect(proxy.first.asked).toHaveLength(2);
  });

  test("in shadow mode asks nobody", () => {
    const proxy = new Proxy([{ ...asks("first", ["*"]), mode: "shadow" }]);
    expect(proxy.get("/").status).toBe(200);
    expect(proxy.first.asked).toHaveLength(0);
  });

  test("needs a provider that there is", () => {
    expect(() => new Proxy([asks("third", ["*"])])).toThrow("policies[0].provider");
  });
});
