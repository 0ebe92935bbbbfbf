/** The built filter on what the specifications print, and from each format into each: `inbound`, without spans of its own. */
import { describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { type Format, FORMATS, HEADERS, inject, type TraceContext } from "./model.ts";
import { ModelledProxy } from "./modelled.ts";
import { expectSaid, ids, read } from "./said.ts";
import { title, VECTORS } from "./vectors.ts";

const sorted = (headers: readonly Header[]): string[] => headers.map(String).sort();

describe("a context as a specification prints it", () => {
  const proxies = new Map(
    FORMATS.flatMap((format) =>
      ([0, 100] as const).map((percent) => [
        `${format} ${percent}`,
        new ModelledProxy({ extract: [format], inject: FORMATS, sampling: { default: percent } }),
      ]),
    ),
  );

  test.each(VECTORS.map((vector) => [title(vector), vector] as const))("%s", (_, vector) => {
    for (const percent of [0, 100] as const) {
      const proxy = proxies.get(`${vector.format} ${percent}`)!;
      expectSaid(vector, proxy.pass(vector.headers), percent === 0 ? "drop" : "keep");
    }
  });
});

/** Contexts that each format can say: with all that is in them, and with as little as may be. */
const CONTEXTS: readonly TraceContext[] = [
  {
    trace: 0x4bf92f3577b34da6a3ce929d0e0e4736n,
    span: 0x00f067aa0ba902b7n,
    parent: 0x05e3ac9a4f6e3b90n,
    random: true,
    state: ["rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE"],
  },
  { trace: 0xff00000000000000n, span: 1n, parent: 0n, random: false, state: [] },
  { trace: (1n << 128n) - 1n, span: (1n << 64n) - 1n, parent: 1n, random: false, state: [] },
].flatMap((one) =>
  (["undecided", "drop", "keep"] as const).flatMap((decision) =>
    [false, true]
      .filter((forced) => !forced || decision !== "undecided")
      .map((forced) => ({ ...one, decision, forced })),
  ),
);

describe.each(FORMATS)("a context that came as %s", (from) => {
  test.each(FORMATS)("goes on as %s", (to) => {
    const proxy = new ModelledProxy({ extract: [from], inject: [to] });
    const together = new ModelledProxy({ extract: [from], inject: FORMATS });
    for (const context of CONTEXTS) {
      const headers = inject(context, [from]);
      const come = read(headers, from);
      const passed = proxy.pass(headers);
      const gone = read(passed, to);
      expect(ids(gone)).toBe(ids(context));
      // The formats that have a parent keep it.
      const parents: readonly Format[] = ["b3", "b3single", "jaeger"];
      expect(gone.parent).toBe(parents.includes(from) && parents.includes(to) ? context.parent : 0n);
      expect(gone.decision).toBe(come.decision === "undecided" ? "keep" : come.decision);
      expect(sorted(inject(gone, [to]))).toEqual(sorted(passed));
      // Nothing else is upstream, and in company it is the same.
      expect(passed.filter(([name]) => !HEADERS[to].includes(name))).toEqual([]);
      const all = together.pass(headers);
      expect(all.filter(([name]) => HEADERS[to].includes(name))).toEqual(passed);
    }
  });

  test("goes on unharmed through all formats and back", () => {
    for (const context of CONTEXTS) {
      const headers = inject(context, [from]);
      const come = read(headers, from);
      for (const by of FORMATS) {
        const there = new ModelledProxy({ extract: [from], inject: [by] }).pass(headers);
        const back = read(new ModelledProxy({ extract: [by], inject: [from] }).pass(there), from);
        expect(ids(back)).toBe(ids(come));
        if (come.decision !== "undecided") expect(back.decision).toBe(come.decision);
        if (back.forced) expect(come.forced).toBe(true);
      }
    }
  });
});

describe("headers of formats that are not injected", () => {
  test.each(FORMATS)("are gone where %s is written", (to) => {
    const headers = CONTEXTS.slice(0, 1).flatMap((context) => inject(context, FORMATS));
    for (const from of FORMATS) {
      const passed = new ModelledProxy({ extract: [from], inject: [to] }).pass(headers);
      expect(passed.map(([name]) => name).filter((name) => !HEADERS[to].includes(name))).toEqual([]);
      expect(passed).not.toEqual([]);
    }
  });

  test("are gone where nothing is written", () => {
    const headers = CONTEXTS.slice(0, 1).flatMap((context) => inject(context, FORMATS));
    expect(new ModelledProxy({ inject: [] }).pass(headers)).toEqual([]);
  });

  test("are gone where none of them could be read", () => {
    const headers = FORMATS.flatMap((format) => HEADERS[format]).map((name): Header => [name, "x"]);
    const passed = new ModelledProxy({ extract: ["w3c"], inject: ["w3c"] }).pass(headers);
    expect(passed.map(([name]) => name)).toEqual(["traceparent"]);
  });
});

describe("the first valid format wins", () => {
  const [one, two] = CONTEXTS.filter(({ decision, forced }) => decision === "keep" && !forced) as [
    TraceContext,
    TraceContext,
  ];

  test.each(
    FORMATS.flatMap((first) =>
      FORMATS.filter((last) => last !== first).map((last) => [first, last] as const),
    ),
  )("%s before %s", (first, last) => {
    const headers = [...inject(two, [last]), ...inject(one, [first])];
    const inject6 = { inject: FORMATS };
    expect(ids(read(new ModelledProxy({ extract: [first, last], ...inject6 }).pass(headers), "w3c"))).toBe(
      ids(one),
    );
    expect(ids(read(new ModelledProxy({ extract: [last, first], ...inject6 }).pass(headers), "w3c"))).toBe(
      ids(two),
    );
    // The first is no longer in order.
    const broken = headers.map(([name, value]): Header => [
      name,
      HEADERS[first].includes(name) ? `x${value}` : value,
    ]);
    expect(ids(read(new ModelledProxy({ extract: [first, last], ...inject6 }).pass(broken), "w3c"))).toBe(
      ids(two),
    );
  });

  test("a decision without ids waits for ids of a later format, and is taken over where there are none", () => {
    const proxy = new ModelledProxy({
      extract: ["b3single", "jaeger"],
      inject: FORMATS,
      sampling: { default: 100 },
    });
    const withIds = proxy.pass([["b3", "0"], ...inject(one, ["jaeger"])]);
    expect(ids(read(withIds, "w3c"))).toBe(ids(one));
    expect(read(withIds, "b3").decision).toBe("keep");
    expect(read(proxy.pass([["b3", "0"]]), "b3").decision).toBe("drop");
    expect(read(proxy.pass([["b3", "d"]]), "b3")).toMatchObject({ decision: "keep", forced: true });
  });
});
