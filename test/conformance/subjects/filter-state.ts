/** What plugins and the proxy keep for a stream or its connection. */
import { beforeAll, expect, it } from "vitest";
import type { Player, Stage } from "../player.ts";

/** Properties, of which a root context has said what they are. */
export function declaredProperties(player: () => Player): void {
  const STRING = 1;
  const CHAIN = 0;
  const REQUEST = 1;
  const CONNECTION = 2;

  it("have the type that was declared, in expressions", async () => {
    const stage = await player().open({
      plugins: [`label a\nconfigure declare-property typed ${STRING} ${CHAIN}`, "label b"],
    });
    expect(
      await stage.results([
        "a/request-headers set-property typed v",
        "a/request-headers property typed",
        "a/request-headers cel typed=='v'",
        "a/request-headers cel typed==b'v'",
        "a/request-headers cel filter_state['wasm.typed']=='v'",
        "b/request-headers property typed",
        "b/request-headers cel typed=='v'",
      ]),
    ).toEqual(["Ok", "v", "%01", "%00", "%01", "v", "%01"]);
    await stage.close();
  });

  it("are bytes when nothing was declared, by this root context", async () => {
    const stage = await player().open({
      plugins: ["label a", `label b\nconfigure declare-property plain ${STRING} ${CHAIN}`],
    });
    expect(
      await stage.results([
        "a/request-headers set-property plain v",
        "a/request-headers cel plain=='v'",
        "a/request-headers cel plain==b'v'",
        // Set already: what the second declared does not count any more.
        "b/request-headers set-property plain w",
        "b/request-headers cel plain=='w'",
        "b/request-headers cel plain==b'w'",
      ]),
    ).toEqual(["Ok", "%00", "%01", "Ok", "%00", "%01"]);
    await stage.close();
  });

  it("are declared once", async () => {
    const stage = await player().open({
      plugins: [
        `configure declare-property once ${STRING} ${CHAIN}\nconfigure declare-property once 0 ${CONNECTION} 1`,
      ],
    });
    expect((await stage.collect()).results.slice(0, 2)).toEqual(["Ok", "BadArgument"]);
    expect(
      await stage.results([
        "request-headers set-property once v",
        "request-headers set-property once w",
        "request-headers cel once=='w'",
      ]),
    ).toEqual(["Ok", "Ok", "%01"]);
    await stage.close();
  });

  it("declared by a stream have nothing of it", async () => {
    const stage = await player().open();
    expect(
      await stage.results([
        `request-headers declare-property late ${STRING} ${CHAIN} 1`,
        "request-headers set-property late v",
        "request-headers set-property late w",
        "request-headers cel late==b'w'",
      ]),
    ).toEqual(["Ok", "Ok", "Ok", "%01"]);
    await stage.close();
  });

  it("that are read-only are set once, by any plugin", async () => {
    const stage = await player().open({
      plugins: [`label a\nconfigure declare-property fixed ${STRING} ${CHAIN} 1`, "label b"],
      properties: ["fixed"],
    });
    const outcome = await stage.play([
      "a/request-headers set-property fixed first",
      "a/request-headers set-property fixed second",
      "b/request-headers set-property fixed third",
      "a/response-headers set-property fixed fourth",
    ]);
    expect(outcome.results).toEqual(["Ok", "BadArgument", "BadArgument", "BadArgument"]);
    expect(outcome.properties).toMatchObject({ fixed: "first" });
    // Another stream begins anew.
    expect(await stage.results(["a/request-headers set-property fixed second"])).toEqual(["Ok"]);
    await stage.close();
  });

  it("of an unknown type or life span are as if nothing was said", async () => {
    const stage = await player().open({ plugins: ["configure declare-property odd 9 9"] });
    expect((await stage.collect()).results[0]).toBe("Ok");
    expect(
      await stage.results(["request-headers set-property odd v", "request-headers cel odd==b'v'"]),
    ).toEqual(["Ok", "%01"]);
    await stage.close();
  });

  it.each([
    ["the chain of filters", CHAIN, ["NotFound", "NotFound"]],
    ["the request", REQUEST, ["NotFound", "NotFound"]],
    ["the connection", CONNECTION, ["1", "2"]],
  ])("live as long as %s", async (_what, span, later) => {
    const stage = await player().open({ plugins: [`configure declare-property kept ${STRING} ${span}`] });
    await stage.collect();
    const set = (value: string) => ({
      method: "GET",
      path: "/",
      headers: [
        ["x-case", "request-headers property kept"],
        ["x-case", `request-headers set-property kept ${value}`],
        ["x-case", "response-headers property kept"],
      ] as const,
    });
    await stage.session.requests([set("1"), set("2"), set("3")]);
    await stage.session.requests([set("4")]);
    expect((await stage.collect()).results).toEqual([
      ...["NotFound", "Ok", "1"],
      ...[later[0], "Ok", "2"],
      ...[later[1], "Ok", "3"],
      // Another connection begins anew.
      ...["NotFound", "Ok", "4"],
    ]);
    await stage.close();
  });
}

/** Objects of the proxy's own, which it reads itself. */
export function filterState(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ plugins: ["label a"] });
  });
  const results = (lines: readonly string[]): Promise<string[]> =>
    stage.results(lines.map((line) => `request-headers ${line}`));

  it.each([
    ["envoy.string", "text", "Ok", "text"],
    ["envoy.string", "%C3%A9", "Ok", "%C3%A9"],
    ["envoy.string", '""', "Ok", ""],
    ["envoy.tcp_proxy.cluster", "other", "Ok", "other"],
    ["envoy.network.upstream_server_name", "a.test", "Ok", "a.test"],
    ["envoy.network.upstream_subject_alt_names", "a.test,b.test", "Ok", "a.test,b.test"],
    ["envoy.network.application_protocols", "h2", "Ok", "NotFound"],
    ["envoy.upstream.dynamic_host", "a.test", "Ok", "a.test"],
    ["envoy.upstream.dynamic_port", "8080", "Ok", "8080"],
    ["envoy.upstream.dynamic_port", "none", "BadArgument", "NotFound"],
    ["envoy.ratelimit.hits_addend", "5", "Ok", "5"],
    ["envoy.ratelimit.hits_addend", '""', "BadArgument", "NotFound"],
    ["no.such.object", "text", "NotFound", "NotFound"],
    ["wasm.outrigger", "text", "NotFound", "NotFound"],
  ])("%s takes %s: %s", async (key, value, answer, shown) => {
    expect(await results([`set-filter-state ${key} ${value} 0`, `property filter_state/${key}`])).toEqual([
      answer,
      shown,
    ]);
  });

  it("is bytes in expressions, and seen by later filters and in the response", async () => {
    const stage = await player().open({ plugins: ["label a", "label b"] });
    expect(
      await stage.results([
        "a/request-headers set-filter-state envoy.string one 0",
        "a/request-headers cel filter_state['envoy.string']==b'one'",
        "b/request-headers property filter_state/envoy.string",
        "a/response-headers property filter_state/envoy.string",
      ]),
    ).toEqual(["Ok", "%01", "one", "one"]);
    await stage.close();
  });

  it("is replaced, but not by an object of another life span", async () => {
    expect(
      await results([
        "set-filter-state envoy.string one 0",
        "set-filter-state envoy.string two 0",
        "set-filter-state envoy.string three 1",
        "property filter_state/envoy.string",
      ]),
    ).toEqual(["Ok", "Ok", "Ok", "two"]);
  });

  it("may live as long as the connection", async () => {
    const stage = await player().open();
    const request = (...lines: string[]) => ({
      method: "GET",
      path: "/",
      headers: lines.map((line) => ["x-case", `request-headers ${line}`] as const),
    });
    await stage.session.requests([
      request("set-filter-state envoy.string kept 2", "set-filter-state envoy.tcp_proxy.cluster gone 1"),
      request("property filter_state/envoy.string", "property filter_state/envoy.tcp_proxy.cluster"),
    ]);
    expect((await stage.collect()).results).toEqual(["Ok", "Ok", "kept", "NotFound"]);
    await stage.close();
  });

  it("is of streams alone", async () => {
    const stage = await player().open({ plugins: ["configure set-filter-state envoy.string one 0"] });
    expect((await stage.collect()).results[0]).toBe("NotFound");
    await stage.close();
  });
}
