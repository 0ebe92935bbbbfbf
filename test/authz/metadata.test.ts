/** Claims that Envoy's jwt_authn has verified, and other metadata: what the host tells of them, and how often it is asked. */
import { describe, expect, test } from "vitest";
import type { Claims, Json } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host, WasmResult } from "../host/index.ts";

const module = loadModule("build/authz.wasm");
const PAYLOAD = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload"];

/** A proxy whose jwt_authn has left these claims. */
class Proxy {
  readonly host = new Host();
  private readonly policies: Json;

  constructor(policies: Json) {
    this.policies = policies;
  }

  ask(claims: Claims): string {
    const configuration = JSON.stringify({ policies: this.policies });
    const plugins = [{ module, name: "authz", rootId: "authz", configuration }];
    const listener = this.host.listen({ plugins });
    const stream = listener.run({ method: "GET", path: "/", claims });
    listener.close();
    return stream.upstream === null ? stream.info.details! : "passed";
  }
}

const rules = (count: number, ...when: Json[]): Json[] => Array.from({ length: count }, () => ({ when }));
const whose = (key: string, lists: Record<string, Json>): Json => ({
  key: `request.auth.claims${key}`,
  ...lists,
});
const allow = (...rules: Json[]): Json => [{ name: "allow", rules }];
const deny = (...rules: Json[]): Json => [{ name: "deny", action: "DENY", rules }];

describe("the host is asked for a claim once in a request", () => {
  const asked = (count: number, claims: Claims): number => {
    const clauses = [
      whose("[sub]", { values: ["ann"] }),
      whose("[groups]", { values: ["staff"], notValues: ["guest"] }),
      { key: "request.auth.principal", values: ["issuer/ann"] },
    ];
    const proxy = new Proxy([
      { name: "allow", rules: rules(count, ...clauses, whose("[none]", { values: ["x"] })) },
      { name: "audit", action: "AUDIT", rules: rules(count, ...clauses) },
    ]);
    expect(proxy.ask(claims)).toBe("authz:no-allow");
    return proxy.host.hostCalls.get("proxy_get_property")!;
  };

  test.each<[string, Claims]>([
    ["that is there", { iss: "issuer", sub: "ann", groups: ["staff", "other"] }],
    ["that is not there", {}],
  ])("%s", (_, claims) => {
    expect(asked(30, claims)).toBe(asked(1, claims));
  });

  test("and again in the next one", () => {
    const proxy = new Proxy(allow(...rules(4, whose("[sub]", { values: ["ann"] }))));
    expect(proxy.ask({ sub: "ann" })).toBe("passed");
    expect(proxy.ask({ sub: "bob" })).toBe("authz:no-allow");
    expect(proxy.ask({ sub: "ann" })).toBe("passed");
  });
});

describe("what cannot be had denies", () => {
  test.each([WasmResult.InternalFailure, WasmResult.BadArgument, WasmResult.SerializationFailure])(
    "a list whose first element the host does not tell: %s",
    (result) => {
      const proxy = new Proxy(deny(...rules(1, whose("[groups]", { values: ["guest"] }))));
      expect(proxy.ask({ groups: ["staff"] })).toBe("passed");
      const first = [...PAYLOAD, "groups", "0"].join("\0");
      proxy.host.replacements.set("proxy_get_property", (vm, args, work) =>
        vm.readString(Number(args[0]), Number(args[1])) === first ? result : work(),
      );
      expect(proxy.ask({ groups: ["staff"] })).toBe("authz:error");
    },
  );

  // Envoy's own filter sees the other elements.
  test.each<[string, Json[]]>([
    ["behind a text", ["guest", null]],
    ["in front of it", [null, "guest"]],
    ["alone", [null]],
  ])("a list with a null %s, which the host cannot tell at all", (_, groups) => {
    const guests = rules(1, whose("[groups]", { values: ["guest"] }));
    expect(new Proxy(deny(...guests)).ask({ groups })).toBe("authz:error");
    expect(new Proxy(allow(...guests)).ask({ groups })).toBe("authz:error");
  });

  test("not a null, and not an object with one: they match nothing, for Envoy's own filter too", () => {
    const guests = rules(1, whose("[groups]", { values: ["guest", "*"] }));
    for (const groups of [null, { guest: null }]) {
      expect(new Proxy(deny(...guests)).ask({ groups })).toBe("passed");
      expect(new Proxy(allow(...guests)).ask({ groups })).toBe("authz:no-allow");
    }
  });
});

describe("only texts match", () => {
  test.each([1.1, -0.1, 1e300, 3.5, 0, 7, 2 ** 46, 1 / 3])("%d is none", (number) => {
    const any = rules(1, whose("[amount]", { values: ["*"] }));
    expect(new Proxy(allow(...any)).ask({ amount: number })).toBe("authz:no-allow");
    expect(new Proxy(allow(...any)).ask({ amount: [number] })).toBe("authz:no-allow");
  });

  test.each(["äöüß", "12345678", "1", ""])("%j is one", (text) => {
    const one = rules(1, whose("[amount]", { notValues: ["other*"], values: ["*"] }));
    expect(new Proxy(allow(...one)).ask({ amount: text })).toBe(text === "" ? "authz:no-allow" : "passed");
  });
});

test("a name that is no list of names in brackets is one name, as istiod has it", () => {
  const proxy = new Proxy(allow(...rules(1, whose("[a]b]", { values: ["x"] }))));
  expect(proxy.ask({ "a]b": "x" })).toBe("passed");
  expect(proxy.ask({ "a]b": "y" })).toBe("authz:no-allow");
});
