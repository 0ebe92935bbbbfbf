/** AUDIT policies are looked at all, where of others the first that matches is enough: each counts once, at a cost that grows with their number. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { Host, PluginModule } from "../host/index.ts";
import { compileWorking, WORK } from "./work.ts";

let module: PluginModule;
beforeAll(async () => {
  module = PluginModule.compile(await compileWorking("filters/authz/module.ts"));
}, 300_000);

const audit = (name: string, ...rules: object[]): object => ({ name, action: "AUDIT", rules });
const asks = (operation: object): object => ({ to: [{ operation }] });
const header = (...values: string[]): object => ({ when: [{ key: "request.headers[x-a]", values }] });

/** What a request comes to: how often each policy was counted, and what work the request was. */
function play(policies: object[], headers: Header[] = []): { counted: Record<string, number>; work: number } {
  const host = new Host({ logLevel: 3 });
  const listener = host.listen({
    plugins: [{ module, name: "authz", configuration: JSON.stringify({ policies }) }],
  });
  const work = (): number => Number((host.workers[0]!.allVms[0]!.exports[WORK] as WebAssembly.Global).value);
  const before = work();
  expect(listener.run({ method: "GET", path: "/ab", headers }).upstream).not.toBeNull();
  const done = work() - before;
  host.clock.advance(2_000_000_000n);
  const counted: Record<string, number> = {};
  for (const [name, value] of Object.entries(host.metrics.values())) {
    const [, policy] = /policy=\.=([^;]*);/.exec(name) ?? [];
    if (policy !== undefined && Number(value) > 0) counted[policy] = Number(value);
  }
  return { counted, work: done };
}

describe("of AUDIT policies", () => {
  test("each that matches is counted once, however it is found", () => {
    const others = Array.from({ length: 80 }, (_, at) => audit(`other-${at}`, asks({ paths: [`/x${at}`] })));
    const policies = [
      audit("walked", { from: [{ source: { notNamespaces: ["foo"] } }] }),
      ...others,
      audit("exact", asks({ paths: ["/ab", "/x"] })),
      audit("prefixes", asks({ paths: ["/a*", "/ab*", "/*"] })),
      audit("values", header("1", "2", "3")),
      audit("two-rules", asks({ methods: ["GET"] }), asks({ paths: ["/ab"] })),
      audit("no", asks({ paths: ["/ab"], methods: ["POST"] })),
      audit("last", header("*")),
    ];
    const { counted } = play(policies, [
      ["x-a", "1"],
      ["x-a", "3"],
    ]);
    expect(counted).toEqual({ walked: 1, exact: 1, prefixes: 1, values: 1, "two-rules": 1, last: 1 });
  });

  test.each([
    ["that are looked up", (at: number) => audit(`p${at}`, asks({ methods: ["GET"] }))],
    ["that are walked", (at: number) => audit(`p${at}`, asks({ notMethods: ["POST"] }))],
  ])("ten times as many, %s, are ten times the work", (_, make) => {
    const workOf = (count: number): number => play(Array.from({ length: count }, (_, at) => make(at))).work;
    const [few, many] = [workOf(200), workOf(2000)];
    expect(few).toBeGreaterThan(200);
    expect(many / few).toBeLessThan(12);
  });
});
