/** Bodies and the host's other buffers, both ways. */
import { beforeAll, describe, expect, it } from "vitest";
import { bytes, named, sent, text, type Outcome, type Play, type Player, type Stage } from "../player.ts";

interface Side {
  way: "request" | "response";
  give: (body: string, trailers?: Play["trailers"]) => Play;
  take: (outcome: Outcome) => string;
}

const SIDES: readonly Side[] = [
  {
    way: "request",
    give: (body, trailers) => ({ method: "POST", body: bytes(body), ...(trailers && { trailers }) }),
    take: ({ upstream }) => text(upstream?.body ?? bytes("none")),
  },
  {
    way: "response",
    give: (body, trailers) => ({ reply: { body: bytes(body), ...(trailers && { trailers }) } }),
    take: ({ response }) => text(response.body),
  },
];

export function bodies(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open();
  });

  describe.each(SIDES)("of a $way", ({ way, give, take }) => {
    /** Operations at the callback with the body, which comes in one piece; then the end by itself. */
    const perform = (operations: readonly string[], body = "hello world"): Promise<Outcome> =>
      stage.play(
        [
          // A body of another length than the header says is not sent.
          `${way}-headers remove ${way} content-length`,
          ...operations.map((operation) => `${way}-body-part ${operation.replace("BODY", way)}`),
        ],
        give(body),
      );

    it.each<[what: string, operation: string, result: string]>([
      ["whole", "body BODY 0 max", "hello world"],
      ["in part", "body BODY 6 3", "wor"],
      ["up to its end when more is asked for", "body BODY 6 100", "world"],
      ["as nothing when nothing is asked for", "body BODY 3 0", ""],
      ["as nothing from its end on", "body BODY 11 1", ""],
      ["as nothing from behind its end", "body BODY 12 1", ""],
      ["with a length that wraps around", "body BODY 1 max", "ello world"],
      ["by its size", "body-size BODY", "11"],
    ])("is read %s", async (_what, operation, result) => {
      expect((await perform([operation])).results).toEqual(["Ok", result]);
    });

    it("is any bytes", async () => {
      const outcome = await perform(["body BODY 0 max"], "\0\x7f\x80\xff");
      expect(outcome.results).toEqual(["Ok", "%00%7F%80%FF"]);
      expect(take(outcome)).toBe("\0\x7f\x80\xff");
    });

    it.each<[what: string, operation: string, result: string, after: string]>([
      ["replaced", "replace-body BODY new", "Ok", "new"],
      ["replaced by nothing", 'replace-body BODY ""', "Ok", ""],
      ["replaced by its own length", "set-body BODY 0 11 new", "Ok", "new"],
      ["prepended to", "prepend BODY >", "Ok", ">hello world"],
      ["appended to", "append BODY <", "Ok", "hello world<"],
      ["appended to at its very end", "set-body BODY 11 0 <", "Ok", "hello world<"],
      ["appended to, whatever the length", "set-body BODY 11 5 <", "Ok", "hello world<"],
      ["replaced at its beginning", "set-body BODY 0 5 bye", "Ok", "bye world"],
      ["truncated at its beginning", 'set-body BODY 0 6 ""', "Ok", "world"],
      ["not replaced in its middle", "set-body BODY 5 1 -", "BadArgument", "hello world"],
      ["not truncated at its end", 'set-body BODY 5 6 ""', "BadArgument", "hello world"],
    ])("can be %s", async (_what, operation, result, after) => {
      const outcome = await perform([operation]);
      expect(outcome.results).toEqual(["Ok", result]);
      expect(take(outcome)).toBe(after);
    });

    it("shows a change at once", async () => {
      const { results } = await perform(["append BODY <", "body BODY 0 max", "body-size BODY"]);
      expect(results).toEqual(["Ok", "Ok", "hello world<", "12"]);
    });

    it("is buffered, and changed as a whole at its end", async () => {
      const outcome = await stage.play(
        [
          `${way}-headers remove ${way} content-length`,
          `${way}-body-part return 1`,
          `${way}-body-end body ${way} 0 max`,
          `${way}-body-end body-size ${way}`,
          `${way}-body-end replace-body ${way} whole`,
        ],
        give("hello world"),
      );
      expect(outcome.results).toEqual(["Ok", "hello world", "11", "Ok"]);
      expect(take(outcome)).toBe("whole");
    });

    it("is buffered up to its trailers", async () => {
      const outcome = await stage.play(
        [
          `${way}-body return 1`,
          `${way}-trailers body ${way} 0 max`,
          `${way}-trailers replace-body ${way} whole`,
          `${way}-trailers add ${way}-trailers x-b 2`,
        ],
        give("hello world", [["x-a", "1"]]),
      );
      expect(outcome.results).toEqual(["hello world", "Ok", "Ok"]);
      expect(take(outcome)).toBe("whole");
      expect(way === "request" ? outcome.upstream?.trailers : outcome.response.trailers).toEqual([
        ["x-a", "1"],
        ["x-b", "2"],
      ]);
    });

    it("ends by itself, and is made when there was none to the end", async () => {
      const outcome = await stage.play(
        [`${way}-headers remove ${way} content-length`, `${way}-body-end append ${way} <`],
        give("hello"),
      );
      expect(outcome.results).toEqual(["Ok", "Ok"]);
      expect(take(outcome)).toBe("hello<");
    });

    it("comes to the callback with its size", async () => {
      const traced = await player().open({ plugins: ["label p\ntrace"] });
      const callbacks = async (script: string[], play: Play): Promise<string[]> =>
        (await traced.play(script, play)).trace.filter((line) => line.startsWith(`p ${way}`));
      const without = async (script: string[], play: Play): Promise<string[]> =>
        (await callbacks(script, play)).slice(1);
      expect(await without([], give("hello"))).toEqual([`p ${way}-body 5`, `p ${way}-body 0 end`]);
      expect(await without([`${way}-body-part return 1`], give("hello"))).toEqual([
        `p ${way}-body 5`,
        `p ${way}-body 5 end`,
      ]);
      expect(await without([], give("hello", [["x-a", "1"]]))).toEqual([
        `p ${way}-body 5`,
        `p ${way}-trailers 1 end`,
      ]);
      expect(await without([], {})).toEqual([]);
      await traced.close();
    });

    it("may have another length when the header says so beforehand", async () => {
      const outcome = await stage.play(
        [`${way}-headers replace ${way} content-length 3`, `${way}-body-part replace-body ${way} new`],
        give("hello world"),
      );
      expect(outcome.results).toEqual(["Ok", "Ok"]);
      expect(take(outcome)).toBe("new");
      const { headers } = way === "request" ? sent(outcome) : outcome.response;
      expect(named(headers, "content-length")).toEqual(["3"]);
    });

    it("of another length without a header comes in chunks", async () => {
      const outcome = await perform([`replace-body ${way} longer%20than%20it%20was`]);
      expect(take(outcome)).toBe("longer than it was");
      const { headers } = way === "request" ? sent(outcome) : outcome.response;
      expect(named(headers, "content-length")).toEqual([]);
    });

    it.each([
      ["replaced", "replace-body BODY whole", /^whole$/],
      ["shrunk to nothing", 'replace-body BODY ""', /^$/],
      ["prepended to", "prepend BODY >", /^>(0123456789){30000}$/],
      ["appended to", "append BODY <", /^(0123456789){30000}<$/],
      ["truncated", 'set-body BODY 0 299995 ""', /^56789$/],
    ])("that came in many pieces and was buffered is %s at its end", async (_what, operation, after) => {
      const outcome = await stage.play(
        [
          `${way}-headers remove ${way} content-length`,
          `${way}-body-part return 1`,
          `${way}-body-end ${operation.replace("BODY", way)}`,
        ],
        give("0123456789".repeat(30_000)),
      );
      expect(outcome.results).toEqual(["Ok", "Ok"]);
      expect(take(outcome)).toMatch(after);
    });

    it("is rewritten piece by piece as it comes", async () => {
      const outcome = await stage.play(
        [
          `${way}-headers remove ${way} content-length`,
          `${way}-body-part replace-body ${way} piece,`,
          `${way}-body-end append ${way} end`,
        ],
        give("0123456789".repeat(30_000)),
      );
      expect(take(outcome)).toMatch(/^(piece,)+end$/);
      // Each piece was replaced once, whatever number of pieces it came in.
      expect(outcome.results.length).toBe(take(outcome).split(",").length + 1);
    });

    it("of 300,000 bytes goes through whole", async () => {
      const long = "0123456789".repeat(30_000);
      const outcome = await stage.play(
        [
          `${way}-body-part return 1`,
          `${way}-body-end body-size ${way}`,
          `${way}-body-end body ${way} 299990 max`,
        ],
        give(long),
      );
      expect(outcome.results).toEqual(["300000", "0123456789"]);
      expect(take(outcome)).toBe(long);
    });
  });

  describe("elsewhere", () => {
    it.each([
      ["request", "request-headers"],
      ["response", "request-headers"],
      ["response", "response-headers"],
      ["request", "response-headers"],
    ])("the %s's body is empty in %s, and cannot be changed", async (way, callback) => {
      const results = await stage.results(
        [`body ${way} 0 max`, `body-size ${way}`, `body ${way} 1 1`, `append ${way} x`].map(
          (operation) => `${callback} ${operation}`,
        ),
        { method: "POST", body: bytes("b"), reply: { body: bytes("b") } },
      );
      expect(results).toEqual(["", "0", "", "BadArgument"]);
    });

    it.each([
      ["unknown", "BadArgument"],
      ["plugin-configuration", "NotFound"],
      ["call-response", "NotFound"],
    ])("buffer %s in a stream: %s", async (buffer, answer) => {
      const results = await stage.results(
        [`body ${buffer} 0 max`, `body-size ${buffer}`, `append ${buffer} x`].map(
          (operation) => `request-headers ${operation}`,
        ),
      );
      expect(results).toEqual([answer, answer, answer]);
    });

    it("the configurations are read where they belong", async () => {
      const configuration = "configure body plugin-configuration 0 9\nconfigure body vm-configuration 3 max";
      const configured = await player().open({ plugins: [configuration], vmConfiguration: "the VM's" });
      const { results } = await configured.collect();
      // On trial, on the main thread, on the worker.
      expect(new Set(results)).toEqual(new Set(["configure", " VM's"]));
      expect(await configured.results(["request-headers body vm-configuration 0 max"])).toEqual(["the VM's"]);
      await configured.close();
    });
  });
}
