/** Requests whose direct peer nobody has left: what asks for it denies, and what does not is decided. */
import { expect, test } from "vitest";
import { loadModule } from "../host/driver.ts";
import { Host } from "../host/index.ts";

const module = loadModule("build/authz.wasm");

test("a provider that is asked whoever the peer is leaves no doubt to the next one, remembered or not", () => {
  const host = new Host();
  host.clusters.set("one", { http: () => ({ status: 200 }) });
  const custom = (name: string, rules: object[]): object => ({
    name,
    action: "CUSTOM",
    provider: { name },
    rules,
  });
  const provider = (name: string): object => ({
    name,
    envoyExtAuthzHttp: { cluster: "one" },
    cache: { by: [{ path: {} }] },
  });
  const configuration = JSON.stringify({
    extensionProviders: [provider("one"), provider("two")],
    policies: [
      custom("one", [{ when: [{ key: "source.ip", values: ["10.0.0.0/8"] }] }, {}]),
      custom("two", [{ to: [{ operation: { paths: ["/two"] } }] }]),
    ],
  });
  const listener = host.listen({ plugins: [{ module, name: "authz", rootId: "authz", configuration }] });
  const ask = (path: string): string => {
    const stream = listener.open({ method: "GET", path });
    host.clock.advance(1_000_000_000n);
    return stream.upstream === null ? (stream.info.details ?? "held") : "passed";
  };
  expect(ask("/")).toBe("passed");
  // From the cache, in one callback with what comes after.
  expect(ask("/")).toBe("passed");
  expect(ask("/two")).toBe("passed");
  expect(ask("/two")).toBe("passed");
});
