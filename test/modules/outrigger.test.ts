import { describe, expect, test } from "vitest";
import { ConfigurationRefused } from "../driver.ts";
import { Host, type Listener } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";

const module = loadModule("build/outrigger.wasm");

function listen(rootId: string, configuration: unknown): { host: Host; listener: Listener } {
  const host = new Host();
  const plugins = [{ module, name: "plugin", rootId, configuration: JSON.stringify(configuration) }];
  return { host, listener: host.listen({ plugins }) };
}

function refusal(rootId: string, configuration: unknown): string {
  try {
    listen(rootId, configuration);
  } catch (error) {
    if (error instanceof ConfigurationRefused) return error.messages.join("\n");
    throw error;
  }
  return "";
}

describe("all filters in one module", () => {
  test("the root id names the filter", () => {
    const { listener } = listen("dark-launch", { default: "v1" });
    const { upstream } = listener.run({ method: "GET", path: "/" });
    expect(upstream?.headers).toContainEqual(["x-variant", "v1"]);
  });

  test("an unknown root id is refused", () => {
    expect(refusal("dark-lunch", { default: "v1" })).toContain("no filter of this name");
  });

  test("a suite runs its filters in order with one read of the headers, and each sees what the one before did", () => {
    const { host, listener } = listen("suite", {
      filters: [
        { darkLaunch: { header: "x-first", default: "a" } },
        {
          darkLaunch: {
            header: "x-second",
            rules: [{ name: "follow", variant: "b", match: { headers: { "x-first": "a" } } }],
          },
        },
      ],
    });
    const stream = listener.run({ method: "GET", path: "/", headers: [["x-first", "forged"]] });
    expect(stream.upstream?.headers).toContainEqual(["x-first", "a"]);
    expect(stream.upstream?.headers).toContainEqual(["x-second", "b"]);
    expect(stream.hostCalls.proxy_get_header_map_pairs).toBe(1);
    expect(host.workers[0]?.allVms.length).toBe(1);
  });

  test("what is wrong in a suite is told with its path", () => {
    const message = refusal("suite", {
      filters: [
        { darkLaunch: { defualt: "v1" } },
        {},
        { authorization: {} },
        { darkLaunch: { rules: [{ name: "n" }] } },
      ],
    });
    expect(message).toContain("filters[0].darkLaunch.defualt: unknown field");
    expect(message).toContain("filters[1]: expected exactly one of darkLaunch");
    expect(message).toContain("filters[2].authorization: unknown field; expected darkLaunch");
    expect(message).toContain("filters[3].darkLaunch.rules[0].variant: required");
    expect(refusal("suite", {})).toContain("filters: required");
  });
});

describe("a request through dark-launch", () => {
  test("costs two host calls on a hit, one on a miss without default", () => {
    const { listener } = listen("dark-launch", {
      rules: [{ name: "beta", variant: "v2", match: { headers: { "x-beta-user": "true" } } }],
    });
    const hit = listener.run({ method: "GET", path: "/", headers: [["x-beta-user", "true"]] });
    expect(hit.hostCalls).toEqual({
      proxy_get_header_map_pairs: 1,
      proxy_add_header_map_value: 1,
    });
    const miss = listener.run({ method: "GET", path: "/" });
    expect(miss.hostCalls).toEqual({ proxy_get_header_map_pairs: 1 });
  });

  test("that carries anything HTTP allows is decided: 60 KiB, 100 cookies, 10,000 parameters, any bytes", () => {
    const { host, listener } = listen("dark-launch", {
      default: "v1",
      rules: [
        { name: "cookie", variant: "v2", match: { cookies: { c99: "x" } } },
        { name: "query", variant: "v3", match: { queryParams: { p9999: "x" } } },
        { name: "header", variant: "v4", match: { headers: { "x-long": { suffix: "end" } } } },
      ],
    });
    const variant = (headers: [string, string][], path = "/"): string | undefined =>
      listener
        .run({ method: "GET", path, headers })
        .upstream?.headers.filter(([name]) => name === "x-variant")
        .map(([, value]) => value)
        .join();
    // Over ten headers: Envoy takes a hundred headers by default, and 60 KiB of them.
    const cookies = Array.from({ length: 10 }, (_, i): [string, string] => [
      "cookie",
      Array.from({ length: 10 }, (_, j) => `c${i * 10 + j}=${i === 9 ? "x" : "y"}`).join("; "),
    ]);
    expect(variant(cookies)).toBe("v2");
    const query = `${"a=b&".repeat(9_999)}p9999=x`;
    expect(variant([], `/?${query}`)).toBe("v3");
    expect(variant([["x-long", `${"\xff\x80".repeat(29_000)}end`]])).toBe("v4");
    expect(
      variant([
        ["x-variant", "\xff"],
        ["x-variant", ""],
        ["X-VARIANT", "v2"],
      ]),
    ).toBe("v1");
    expect(host.logs.filter(({ text }) => text.includes("Uncaught"))).toEqual([]);
  });
});
