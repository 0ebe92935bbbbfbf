/** HTTP calls to clusters: what is sent, what comes back, what goes wrong, and what can still be done with the stream. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CallAnswer, Cluster, Fault, UpstreamRequest } from "../../driver.ts";
import { bytes, named, pairsIn, type Player, sent, type Stage, text } from "../player.ts";

/** Name, path and authority of a request, as a script says them. */
const GET = ":method GET :path /check :authority auth.test";

const HOLD = "request-headers return 1";
const GO_ON = "call continue-request";

export function calls(player: () => Player): void {
  let stage: Stage;
  /** What arrived at the server, newest last. */
  let arrived: UpstreamRequest[] = [];
  let answer: (request: UpstreamRequest) => CallAnswer | Fault = () => ({});
  beforeAll(async () => {
    const server: Cluster = {
      http: (request) => {
        arrived.push(request);
        return answer(request);
      },
    };
    stage = await player().open({
      plugins: ["label p"],
      clusters: { "calls-server": server, "calls-refuse": "refuse" },
    });
  });

  /** Plays a request that calls, waits for the answer, does these lines then and goes on. */
  const call = async (
    lines: readonly string[],
    answers: (request: UpstreamRequest) => CallAnswer | Fault = () => ({}),
    operation = `http-call calls-server 2000 "" ${GET}`,
    advance?: number,
  ): Promise<{ results: string[]; reached: boolean }> => {
    arrived = [];
    answer = answers;
    const script = [`request-headers ${operation}`, HOLD, ...lines.map((line) => `call ${line}`), GO_ON];
    const outcome = await stage.play(script, advance === undefined ? {} : { advance });
    return { results: outcome.results, reached: outcome.upstream !== null };
  };

  describe("that are answered", () => {
    it("give status, headers with all their values, and the body", async () => {
      const { results } = await call(
        [
          "get call-response :status",
          "pairs call-response",
          "body call-response 0 100",
          "body call-response 1 2",
        ],
        () => ({
          status: 201,
          headers: [
            ["x-a", "1"],
            ["x-a", "2"],
          ],
          body: bytes("hello"),
        }),
      );
      expect(results.slice(0, 3)).toEqual(["Ok", "answer 5 0", "201"]);
      expect(named(pairsIn(results[3]), "x-a")).toEqual(["1", "2"]);
      expect(results.slice(4)).toEqual(["hello", "el", "Ok"]);
    });

    it("may be so without a body", async () => {
      const { results } = await call(["body call-response 0 100", "body-size call-response"]);
      expect(results).toEqual(["Ok", "answer 0 0", "", "0", "Ok"]);
    });

    it("give trailers", async () => {
      const { results } = await call(["pairs call-response-trailers"], () => ({
        body: bytes("b"),
        trailers: [["x-t", "v"]],
      }));
      expect(results).toEqual(["Ok", "answer 1 1", "x-t: v", "Ok"]);
    });

    it("may be so by an error of the server's own", async () => {
      const { results, reached } = await call(
        ["get call-response :status", "body call-response 0 100"],
        () => ({
          status: 500,
          body: bytes("oh no"),
        }),
      );
      expect(results).toEqual(["Ok", "answer 5 0", "500", "oh no", "Ok"]);
      expect(reached).toBe(true);
    });

    it("may be so with much", async () => {
      const { results } = await call(["body-size call-response", "body call-response 299998 9"], () => ({
        body: bytes("a".repeat(299_999) + "z"),
      }));
      expect(results).toEqual(["Ok", "answer 300000 0", "300000", "az", "Ok"]);
    });

    it("give what nobody can change", async () => {
      const { results } = await call(
        [
          "add call-response x-b 1",
          "remove call-response :status",
          "size call-response",
          "replace-body call-response new",
          "body call-response 0 9",
        ],
        () => ({ body: bytes("old") }),
      );
      expect(results).toEqual([
        "Ok",
        "answer 3 0",
        "BadArgument",
        "BadArgument",
        "BadArgument",
        "BadArgument",
        "old",
        "Ok",
      ]);
    });

    it("can be read in the answer's callback and not elsewhere", async () => {
      const { results } = await stage.play([
        "request-headers pairs call-response",
        "request-headers get call-response :status",
        "request-headers body call-response 0 10",
      ]);
      expect(results).toEqual(["none", "BadArgument", "NotFound"]);
    });
  });

  describe("send", () => {
    it("method, path, authority and headers in lower case", async () => {
      await call([], undefined, `http-call calls-server 2000 "" ${GET} X-Own v x-own w`);
      const { headers, body } = arrived[0]!;
      expect(headers.slice(0, 3)).toEqual([
        [":method", "GET"],
        [":path", "/check"],
        [":authority", "auth.test"],
      ]);
      expect(named(headers, "x-own")).toEqual(["v", "w"]);
      expect(body).toHaveLength(0);
      expect(named(headers, "x-forwarded-for")).toEqual([]);
    });

    it("a body with its length", async () => {
      await call([], undefined, `http-call calls-server 2000 a%00b ${GET}`);
      expect(text(arrived[0]!.body)).toBe("a\0b");
      expect(named(arrived[0]!.headers, "content-length")).toEqual(["3"]);
    });

    it("a large body", async () => {
      await call([], undefined, `http-call-large calls-server 2000 200000 ${GET}`);
      expect(arrived[0]!.body).toHaveLength(200_000);
    });
  });

  describe("are refused at once", () => {
    const refused = async (operation: string): Promise<string[]> =>
      stage.results([`request-headers ${operation}`], { advance: 20 });

    it("to a cluster that is not there", async () => {
      expect(await refused(`http-call no-such-cluster 100 "" ${GET}`)).toEqual(["BadArgument"]);
      expect(await refused(`http-call "" 100 "" ${GET}`)).toEqual(["BadArgument"]);
    });

    it("without method, path or authority", async () => {
      expect(await refused('http-call calls-server 100 "" :path / :authority a')).toEqual(["BadArgument"]);
      expect(await refused('http-call calls-server 100 "" :method GET :authority a')).toEqual([
        "BadArgument",
      ]);
      expect(await refused('http-call calls-server 100 "" :method GET :path /')).toEqual(["BadArgument"]);
      expect(await refused('http-call calls-server 100 ""')).toEqual(["BadArgument"]);
    });

    it("with a timeout that is negative as an integer", async () => {
      expect(await refused(`http-call calls-server max "" ${GET}`)).toEqual(["BadArgument"]);
    });
  });

  // Envoy's router answers in the server's place: a module cannot tell that from the server's own answer.
  describe("that go wrong", () => {
    const lines = ["get call-response :status", "body call-response 0 1000"];

    it("are answered with 504 when their time is up", async () => {
      const operation = `http-call calls-server 50 "" ${GET}`;
      const { results } = await call(lines, () => "silence", operation, 300);
      expect(results).toEqual(["Ok", "answer 24 0", "504", "upstream request timeout", "Ok"]);
    });

    it("are answered with 504 once, though an answer comes later", async () => {
      const operation = `http-call calls-server 50 "" ${GET}`;
      const { results } = await call(lines, () => ({ after: 150 }), operation, 400);
      expect(results).toEqual(["Ok", "answer 24 0", "504", "upstream request timeout", "Ok"]);
      await stage.session.advance(200);
      expect((await stage.collect()).results).toEqual([]);
    });

    it("wait as long as it takes without a timeout", async () => {
      const operation = `http-call calls-server 0 "" ${GET}`;
      const { results } = await call(["get call-response :status"], () => ({ after: 200 }), operation, 500);
      expect(results).toEqual(["Ok", "answer 0 0", "200", "Ok"]);
    });

    it("are answered with 503 where the connection is refused", async () => {
      const { results } = await call(lines, undefined, `http-call calls-refuse 2000 "" ${GET}`);
      expect(results).toEqual([
        "Ok",
        "answer 98 0",
        "503",
        "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
        "Ok",
      ]);
    });

    it("are answered with 503 where the connection breaks", async () => {
      const { results } = await call(lines, () => "reset");
      expect(results).toEqual([
        "Ok",
        "answer 95 0",
        "503",
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        "Ok",
      ]);
    });

    it("are answered with 502 where the answer is no HTTP", async () => {
      const { results } = await call(lines, () => "garbage");
      expect(results).toEqual([
        "Ok",
        "answer 87 0",
        "502",
        "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
        "Ok",
      ]);
    });

    it("have an answer without headers where it broke off", async () => {
      const { results } = await call([...lines, "pairs call-response"], () => "cut");
      expect(results).toEqual(["Ok", "answer failed 11 reset", "BadArgument", "NotFound", "none", "Ok"]);
    });

    it("are still answered when the stream has ended, which can then not be made effective", async () => {
      answer = () => ({ after: 150, body: bytes("late") });
      const outcome = await stage.play(
        [`request-headers http-call calls-server 2000 "" ${GET}`, HOLD, GO_ON],
        {
          abortAfter: 40,
          advance: 400,
        },
      );
      expect(outcome.response.status).toBe(0);
      expect(outcome.upstream).toBe(null);
      expect(outcome.results).toEqual(["Ok", "answer 4 0", "gone BadArgument"]);
    });
  });

  describe("and the stream that waits", () => {
    it("gets changes of its headers, which the upstream sees", async () => {
      answer = () => ({ headers: [["x-user", "ann"]] });
      const outcome = await stage.play(
        [
          `request-headers http-call calls-server 2000 "" ${GET}`,
          HOLD,
          "call get request x-b",
          "call add request x-a late",
          "call replace request x-b new",
          "call set-property outrigger.authz allowed",
          GO_ON,
        ],
        { headers: [["x-b", "old"]] },
      );
      expect(outcome.results).toEqual(["Ok", "answer 0 0", "old", "Ok", "Ok", "Ok", "Ok"]);
      expect(named(sent(outcome).headers, "x-a")).toEqual(["late"]);
      expect(named(sent(outcome).headers, "x-b")).toEqual(["new"]);
      expect(outcome.properties["outrigger.authz"]).toBe("allowed");
    });

    it("gets a local reply", async () => {
      answer = () => ({ status: 403 });
      const outcome = await stage.play([
        `request-headers http-call calls-server 2000 "" ${GET}`,
        HOLD,
        "call reply 403 calls:denied no -1 x-a 1",
      ]);
      expect(outcome.upstream).toBe(null);
      expect(outcome.response.status).toBe(403);
      expect(text(outcome.response.body)).toBe("no");
      expect(named(outcome.response.headers, "x-a")).toEqual(["1"]);
      expect(outcome.details).toBe("calls:denied");
    });

    it("goes on with its body, as it came", async () => {
      const outcome = await stage.play(
        [`request-headers http-call calls-server 2000 "" ${GET}`, HOLD, GO_ON],
        {
          method: "POST",
          body: bytes("payload"),
        },
      );
      expect(text(sent(outcome).body)).toBe("payload");
    });

    it("may have several calls at once, each with its own answer", async () => {
      answer = ({ headers }) => {
        const which = headers.find(([name]) => name === ":path")?.[1] ?? "";
        return { body: bytes(which), after: which === "/first" ? 120 : 20 };
      };
      const path = (name: string): string => `:method GET :path /${name} :authority a`;
      const outcome = await stage.play(
        [
          `request-headers http-call calls-server 2000 "" ${path("first")}`,
          `request-headers http-call calls-server 2000 "" ${path("second")}`,
          HOLD,
          "call-2 body call-response 0 99",
          "call-1 body call-response 0 99",
          "call-1 continue-request",
        ],
        { advance: 400 },
      );
      expect(outcome.results).toEqual(["Ok", "Ok", "answer 7 0", "/second", "answer 6 0", "/first", "Ok"]);
    });

    it("may call again when it has its answer", async () => {
      answer = () => ({ status: 204 });
      const outcome = await stage.play([
        `request-headers http-call calls-server 2000 "" ${GET}`,
        HOLD,
        `call-1 http-call calls-server 2000 "" ${GET}`,
        "call-2 get call-response :status",
        "call-2 continue-request",
      ]);
      expect(outcome.results).toEqual(["Ok", "answer 0 0", "Ok", "answer 0 0", "204", "Ok"]);
      expect(outcome.upstream).not.toBe(null);
    });

    it("may be a response", async () => {
      answer = () => ({ body: bytes("v") });
      const outcome = await stage.play([
        `response-headers http-call calls-server 2000 "" ${GET}`,
        "response-headers return 1",
        "call pairs request",
        "call add response x-a late",
        "call continue-response",
      ]);
      expect(outcome.results).toEqual(["Ok", "answer 1 0", "none", "Ok", "Ok"]);
      expect(named(outcome.response.headers, "x-a")).toEqual(["late"]);
    });
  });

  describe("of a root context", () => {
    it("are made on a tick and answered to it", async () => {
      const calling = await player().open({
        plugins: [
          `label p\ntick-period 30\nroot-tick http-call calls-root 1000 "" ${GET}\nroot-tick tick-period 0\nroot-call get call-response x-a`,
        ],
        clusters: { "calls-root": { http: () => ({ headers: [["x-a", "tick"]] }) } },
      });
      await calling.session.advance(400);
      // On the main thread and on the worker.
      const one = ["Ok", "", "answer 0 0", "tick"];
      expect((await calling.collect()).results.sort()).toEqual([...one, ...one].sort());
      await calling.close();
    });

    it("are made when it is configured, but answered to none that was thrown away", async () => {
      const calling = await player().open({
        plugins: [`label p\nconfigure http-call calls-root 1000 "" ${GET}\nroot-call body call-response 0 9`],
        clusters: { "calls-root": { http: () => ({ body: bytes("yes") }) } },
      });
      await calling.session.advance(200);
      const { results } = await calling.collect();
      // The trial, the main thread, the worker.
      expect(results.filter((result) => result === "Ok")).toHaveLength(3);
      expect(results.filter((result) => result === "answer 3 0")).toHaveLength(2);
      expect(results.filter((result) => result === "yes")).toHaveLength(2);
      await calling.close();
    });
  });
}
