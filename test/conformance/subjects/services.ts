/** Logs, clocks, randomness, ticks, metrics, shared data. */
import { beforeAll, describe, expect, it } from "vitest";
import { fresh, integer, type Player, type Stage } from "../player.ts";

export function services(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ plugins: ["label a", "label b"] });
  });
  /** Lines of the first plugin's request headers callback, unless they say where they belong. */
  const results = (lines: readonly string[]): Promise<string[]> =>
    stage.results(lines.map((line) => (/^[a-z]+\//.test(line) ? line : `a/request-headers ${line}`)));

  describe("the log", () => {
    it("keeps what reaches its level", async () => {
      const { logs } = await stage.play(
        [0, 1, 2, 3, 4, 5].map((level) => `a/request-headers log ${level} line-${level}`),
      );
      expect(logs.filter(({ text }) => text.startsWith("line-"))).toEqual([
        { level: "info", text: "line-2" },
        { level: "warn", text: "line-3" },
        { level: "error", text: "line-4" },
        { level: "critical", text: "line-5" },
      ]);
    });

    it("tells its level", async () => {
      expect(await results(["log-level", "logs 1", "logs 2", "logs 5"])).toEqual([
        "2",
        "false",
        "true",
        "true",
      ]);
    });

    it("takes no level beyond critical", async () => {
      expect(await results(["log 6 text"])).toEqual(["BadArgument"]);
    });

    it("keeps a message of several lines together, and spaces around it", async () => {
      const { logs } = await stage.play(["a/request-headers text-log 2 %20one%0Atwo%20"]);
      expect(logs).toContainEqual({ level: "info", text: " one\ntwo " });
    });
  });

  describe("clocks and randomness", () => {
    it("has a wall clock", async () => {
      const [first, second] = await results(["now", "now"]);
      expect(integer(first)).toBeGreaterThan(1_700_000_000_000_000_000n);
      expect(integer(first)).toBeLessThan(4_000_000_000_000_000_000n);
      expect(integer(second)).toBeGreaterThanOrEqual(integer(first));
    });

    it("has a monotonic clock that follows time", async () => {
      const [before] = await results(["monotonic-now"]);
      await stage.session.advance(50);
      const after = await results(["monotonic-now", "monotonic-now", "monotonic-now"]);
      expect(integer(after[0]) - integer(before)).toBeGreaterThanOrEqual(49_000_000n);
      expect(integer(after[0]) - integer(before)).toBeLessThan(10_000_000_000n);
      expect(after.map(integer)).toEqual(after.map(integer).sort((a, b) => Number(a - b)));
    });

    it("has random bytes", async () => {
      const many = await results(["random 16", "random 16", "random 0"]);
      expect(many[0]).toMatch(/^0 /);
      expect(many[0]).not.toBe(many[1]);
      expect(many[0]).not.toBe(`0 ${"%00".repeat(16)}`);
      expect(many[2]).toBe("0 ");
    });
  });

  describe("ticks", () => {
    /** Ticks of a plugin on the worker and on the main thread together. */
    const ticks = (trace: readonly string[], label: string): number =>
      trace.filter((line) => line === `${label} tick`).length;

    it("come to each root in its own period", async () => {
      const ticking = await player().open({
        plugins: [
          "label fast\ntrace\ntick-period 50",
          "label slow\ntrace\ntick-period 200",
          "label none\ntrace",
        ],
      });
      await ticking.collect();
      await ticking.session.advance(1010);
      const { trace } = await ticking.collect();
      // Twenty and five, twice; a real clock has some less, never more than one more each.
      expect(ticks(trace, "fast")).toBeGreaterThanOrEqual(24);
      expect(ticks(trace, "fast")).toBeLessThanOrEqual(44);
      expect(ticks(trace, "slow")).toBeGreaterThanOrEqual(6);
      expect(ticks(trace, "slow")).toBeLessThanOrEqual(12);
      expect(ticks(trace, "none")).toBe(0);
      await ticking.close();
    });

    it("end when their period is set to 0", async () => {
      const ticking = await player().open({
        plugins: ["label once\ntrace\ntick-period 50\nroot-tick tick-period 0"],
      });
      await ticking.session.advance(300);
      // Main thread and worker.
      expect(ticks((await ticking.collect()).trace, "once")).toBe(2);
      await ticking.session.advance(200);
      expect(ticks((await ticking.collect()).trace, "once")).toBe(0);
      await ticking.close();
    });

    it("are set for the root by a stream, too", async () => {
      const ticking = await player().open({ plugins: ["label p\ntrace"] });
      await ticking.play(["request-headers tick-period 50"]);
      await ticking.session.advance(300);
      expect(ticks((await ticking.collect()).trace, "p")).toBeGreaterThanOrEqual(2);
      await ticking.close();
    });
  });

  describe("metrics", () => {
    it("count up", async () => {
      const name = fresh("counter");
      expect(
        await results([
          `define-metric ${name} 0`,
          `get-metric ${name}`,
          `increment-metric ${name} 2`,
          `increment-metric ${name} 3`,
          `get-metric ${name}`,
        ]),
      ).toEqual(["0", "0", "Ok", "Ok", "5"]);
      expect((await stage.session.metrics())[name]).toBe(5);
    });

    it("of a counter never go down", async () => {
      const name = fresh("counter");
      expect(
        await results([
          `define-metric ${name} 0`,
          `increment-metric ${name} 5`,
          `increment-metric ${name} -1`,
          `increment-metric ${name} 0`,
          `get-metric ${name}`,
        ]),
      ).toEqual(["0", "Ok", "BadArgument", "BadArgument", "5"]);
    });

    it("of a counter add what is recorded", async () => {
      const name = fresh("counter");
      expect(
        await results([
          `define-metric ${name} 0`,
          `record-metric ${name} 5`,
          `record-metric ${name} 3`,
          `get-metric ${name}`,
        ]),
      ).toEqual(["0", "Ok", "Ok", "8"]);
    });

    it("of a gauge go up and down and are set", async () => {
      const name = fresh("gauge");
      expect(
        await results([
          `define-metric ${name} 1`,
          `increment-metric ${name} 5`,
          `increment-metric ${name} -2`,
          `get-metric ${name}`,
          `record-metric ${name} 40`,
          `get-metric ${name}`,
        ]),
      ).toEqual(["1", "Ok", "Ok", "3", "Ok", "40"]);
      expect((await stage.session.metrics())[name]).toBe(40);
    });

    it("of a histogram are recorded, and neither incremented nor read", async () => {
      const name = fresh("histogram");
      expect(
        await results([
          `define-metric ${name} 2`,
          `record-metric ${name} 7`,
          `increment-metric ${name} 1`,
          `get-metric ${name}`,
        ]),
      ).toEqual(["2", "Ok", "BadArgument", "BadArgument"]);
    });

    it("defined twice have two ids and one value", async () => {
      const name = fresh("counter");
      expect(
        await results([
          `define-metric ${name} 0`,
          `increment-metric ${name} 1`,
          `redefine-metric ${name} 0`,
          `define-metric ${name} 0`,
          `increment-metric ${name} 1`,
          `get-metric ${name}`,
          `b/request-headers define-metric ${name} 0`,
          `b/request-headers get-metric ${name}`,
        ]),
      ).toEqual(["0", "Ok", "false", "0", "Ok", "2", "0", "2"]);
    });

    it("of an unknown id are not found", async () => {
      // By the lowest two bits a counter, a gauge, a histogram and nothing.
      const ids = [4_000_000, 4_000_001, 4_000_002, 4_000_003];
      expect(await results(ids.map((id) => `get-metric #${id}`))).toEqual([
        "NotFound",
        "NotFound",
        "BadArgument",
        "BadArgument",
      ]);
      expect(await results(ids.map((id) => `increment-metric #${id} 1`))).toEqual([
        "NotFound",
        "NotFound",
        "BadArgument",
        "BadArgument",
      ]);
      expect(await results(ids.map((id) => `record-metric #${id} 1`))).toEqual([
        "NotFound",
        "NotFound",
        "NotFound",
        "NotFound",
      ]);
    });

    it("of an unknown type are none", async () => {
      expect(await results([`define-metric ${fresh("none")} 3`, "get-metric #0"])).toEqual(["0", "NotFound"]);
    });

    it("counted in the module reach the host when they are flushed", async () => {
      const name = fresh("counted");
      await results([`count-counter ${name} 2`, `count-counter ${name} 3`]);
      expect((await stage.session.metrics())[name] ?? 0).toBe(0);
      await results(["flush-counter", "flush-counter"]);
      expect((await stage.session.metrics())[name]).toBe(5);
    });

    it("carry labels in their names", async () => {
      const name = fresh("labelled");
      await results([`labelled-counter ${name} rule beta`, "flush-counter"]);
      expect((await stage.session.metrics())[`rule=.=beta;.;${name}`]).toBe(1);
    });
  });

  describe("shared data", () => {
    let key: string;
    const shared = (lines: readonly string[]): Promise<string[]> => {
      key = fresh("key");
      return results(lines.map((line) => line.replace("KEY", key)));
    };

    it("is absent before it is set", async () => {
      expect(await shared(["shared-get KEY"])).toEqual(["NotFound"]);
    });

    it("is what was set last", async () => {
      expect(
        await shared(["shared-set KEY one 0", "shared-get KEY", "shared-set KEY two 0", "shared-get KEY"]),
      ).toEqual(["Ok", "one", "Ok", "two"]);
    });

    it("has another number after each set", async () => {
      expect(
        await shared([
          "shared-set KEY one 0",
          "shared-get KEY",
          "shared-cas-changed KEY",
          "shared-set KEY one 0",
          "shared-cas-changed KEY",
        ]),
      ).toEqual(["Ok", "one", "false", "Ok", "true"]);
    });

    it("is swapped with its number and not with another", async () => {
      expect(
        await shared([
          "shared-set KEY one 0",
          "shared-get KEY",
          "shared-set KEY wrong other",
          "shared-get KEY",
          "shared-set KEY two last",
          "shared-set KEY late last",
          "shared-get KEY",
        ]),
      ).toEqual(["Ok", "one", "CasMismatch", "one", "Ok", "CasMismatch", "two"]);
    });

    it("is made by a set with any number where it is absent", async () => {
      expect(
        await shared(["shared-set KEY one 12345678", "shared-get KEY", "shared-set KEY two 12345678"]),
      ).toEqual(["Ok", "one", "CasMismatch"]);
    });

    it("may be empty", async () => {
      expect(await shared(['shared-set KEY "" 0', "shared-get KEY", "shared-size KEY"])).toEqual([
        "Ok",
        "",
        "0",
      ]);
    });

    it("may be any bytes, under a key of any bytes", async () => {
      expect(
        await shared(["shared-set KEY%00%FF %00%FF 0", "shared-get KEY%00%FF", "shared-get KEY"]),
      ).toEqual(["Ok", "%00%FF", "NotFound"]);
    });

    it("may be large", async () => {
      expect(await shared(["shared-set-large KEY 1000000", "shared-size KEY"])).toEqual(["Ok", "1000000"]);
    });

    it("is shared by plugins and streams", async () => {
      expect(await shared(["shared-set KEY one 0", "b/request-headers shared-get KEY"])).toEqual([
        "Ok",
        "one",
      ]);
      expect(await results([`b/response-headers shared-get ${key}`])).toEqual(["one"]);
    });
  });
}
