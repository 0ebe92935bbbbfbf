/** Root contexts and their configuration: several in one VM, updated, refused, gone. */
import { describe, expect, it } from "vitest";
import { ConfigurationRefused } from "../../driver.ts";
import type { Player } from "../player.ts";

/** Long enough for a removed listener's connections to drain, and for its plugins to go. */
const DRAIN = 2500;

export function contexts(player: () => Player): void {
  it("are configured on trial, on the main thread and on the worker", async () => {
    const stage = await player().open({ plugins: ["label p\ntrace"], vmConfiguration: "five!" });
    const { trace } = await stage.collect();
    // The main thread and the worker do so at the same time.
    expect(trace.slice(0, 2)).toEqual(["start 5", "p configure"]);
    expect(trace.slice(2).sort()).toEqual(["p configure", "p configure", "start 5", "start 5"]);
    await stage.close();
  });

  it("of one module have each its configuration", async () => {
    const stage = await player().open({ plugins: ["label a", "label b", "label c"] });
    const { results } = await stage.play([
      "c/request-headers property plugin_name",
      "a/request-headers property plugin_name",
      "b/request-headers property plugin_name",
    ]);
    expect(results.map((name) => name.slice(-2))).toEqual(["-1", "-2", "-3"]);
    await stage.close();
  });

  it("may be without a configuration", async () => {
    const stage = await player().open({ plugins: [""] });
    expect((await stage.play(["request-headers log-level"])).results).toEqual(["2"]);
    await stage.close();
  });

  it("refuse a configuration with a reason", async () => {
    const opened = player().open({ plugins: ["refuse limits[2].per:%20no%0Aand%20more"] });
    const error: unknown = await opened.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigurationRefused);
    expect((error as ConfigurationRefused).messages).toEqual(["limits[2].per: no\nand more"]);
  });

  it("refuse for the whole chain", async () => {
    await expect(player().open({ plugins: ["label a", "refuse b"] })).rejects.toBeInstanceOf(
      ConfigurationRefused,
    );
  });

  it("take an update, and keep what they have when it is refused", async () => {
    const stage = await player().open({ plugins: ["label a"] });
    const which = async (): Promise<string[]> =>
      stage.results(["a/request-headers text-get request x-a", "b/request-headers text-get request x-b"], {
        headers: [
          ["x-a", "old"],
          ["x-b", "new"],
        ],
      });
    expect(await which()).toEqual(["old"]);
    await expect(stage.update(["refuse it"])).rejects.toBeInstanceOf(ConfigurationRefused);
    expect(await which()).toEqual(["old"]);
    await stage.update(["label b"]);
    expect(await which()).toEqual(["new"]);
    await stage.close();
  });

  it("are done and deleted when an update has replaced them", async () => {
    const stage = await player().open({ plugins: ["label old\ntrace"] });
    await stage.collect();
    await stage.update(["label new\ntrace"]);
    await stage.session.advance(DRAIN);
    const { trace } = await stage.collect();
    const old = trace.filter((line) => line.startsWith("old"));
    // On the main thread and on the worker.
    expect(old.sort()).toEqual(["old delete", "old delete", "old done", "old done"]);
    expect(trace.filter((line) => line.startsWith("new"))).toEqual([
      "new configure",
      "new configure",
      "new configure",
    ]);
    await stage.close();
  });

  it("stay when an update has left them as they were", async () => {
    const stage = await player().open({ plugins: ["label a\ntrace", "label old"] });
    await stage.collect();
    await stage.update(["label a\ntrace", "label new"]);
    await stage.session.advance(DRAIN);
    expect((await stage.collect()).trace.filter((line) => line !== "a configure")).toEqual([]);
    await stage.close();
  });

  it("may put off their end until proxy_done", async () => {
    const stage = await player().open({ plugins: ["label old\ntrace\ndefer-done\ntick-period 100"] });
    await stage.update(["label new"]);
    await stage.session.advance(DRAIN);
    const { trace, results } = await stage.collect();
    const end = trace.filter((line) => line === "old done" || line === "old delete");
    expect(end.sort()).toEqual(["old delete", "old delete", "old done", "old done"]);
    expect(results.filter((result) => result === "Ok")).toEqual(["Ok", "Ok"]);
    await stage.close();
  });

  describe("made effective", () => {
    it("must exist", async () => {
      const stage = await player().open();
      expect(await stage.results(["request-headers effective-context 4000000000"])).toEqual(["BadArgument"]);
      await stage.close();
    });

    it("have nothing to be done with while they live", async () => {
      const stage = await player().open();
      expect(await stage.results(["request-headers done"])).toEqual(["NotFound"]);
      await stage.close();
    });

    it("have a status of no call", async () => {
      const stage = await player().open();
      expect(await stage.results(["request-headers status"])).toEqual(["0 0"]);
      await stage.close();
    });
  });

  it("of many streams are told apart", async () => {
    const stage = await player().open({ plugins: ["label p\ntick-period 50"] });
    const values = Array.from({ length: 40 }, (_, i) => `v${i}`);
    for (const value of values) {
      const { results } = await stage.play(
        [
          `request-headers get request x-a`,
          "response-headers add response x-b 1",
          `stream-log get request x-a`,
        ],
        { headers: [["x-a", value]] },
      );
      expect(results).toEqual([value, "Ok", value]);
    }
    await stage.close();
  });

  it("that were held while others came and went still have their own", async () => {
    const stage = await player().open({ plugins: ["label p\ntick-period 200"] });
    const held = stage.session.request({
      method: "GET",
      path: "/",
      headers: [
        ["x-a", "held"],
        ["x-case", "request-headers return 1"],
        ["x-case", "tick get request x-a"],
        ["x-case", "tick continue-request"],
      ],
    });
    await stage.session.advance(500);
    const { upstream } = await held;
    expect(upstream?.headers).toContainEqual(["x-a", "held"]);
    expect((await stage.collect()).results).toEqual(["held", "Ok"]);
    await stage.close();
  });
}
