/** gRPC calls and streams to clusters. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Cluster, GrpcExchange, GrpcHandler } from "../../driver.ts";
import { bytes, named, pairsIn, type Player, type Stage, text } from "../player.ts";

const HOLD = "request-headers return 1";
const GO_ON = "grpc-close continue-request";

export function grpc(player: () => Player): void {
  let stage: Stage;
  let exchanges: GrpcExchange[] = [];
  let messages: string[] = [];
  let serve: (exchange: GrpcExchange) => GrpcHandler = () => ({});
  beforeAll(async () => {
    const server: Cluster = {
      grpc: (exchange) => {
        exchanges.push(exchange);
        const { onMessage, onEnd } = serve(exchange);
        return {
          onMessage: (message) => {
            messages.push(text(message));
            onMessage?.(message);
          },
          ...(onEnd === undefined ? {} : { onEnd }),
        };
      },
    };
    stage = await player().open({
      plugins: ["label p"],
      clusters: {
        "grpc-server": server,
        "grpc-refuse": "refuse",
        "grpc-http": { http: () => ({ status: 201 }) },
      },
    });
  });

  /** Plays a request with these lines in its headers callback; what comes of them is up to the others. */
  const play = async (
    lines: readonly string[],
    later: readonly string[],
    serves: (exchange: GrpcExchange) => GrpcHandler,
    advance?: number,
  ): Promise<string[]> => {
    exchanges = [];
    messages = [];
    serve = serves;
    const script = [...lines.map((line) => `request-headers ${line}`), HOLD, ...later];
    return stage.results(script, advance === undefined ? {} : { advance, abortAfter: advance - 100 });
  };

  /** Does something with the first message. */
  const once =
    (action: (exchange: GrpcExchange, message: Uint8Array) => void) => (exchange: GrpcExchange) => ({
      onMessage: (message: Uint8Array) => action(exchange, message),
    });

  describe("a call", () => {
    const CALL = "grpc-call grpc-server a.Greeter Hello 1000 msg";

    it("gets a message, and is not told of its end", async () => {
      const results = await play(
        [CALL, "grpc-kind"],
        ["grpc-receive body grpc 0 100", "grpc-receive continue-request"],
        once((exchange, message) => {
          exchange.send(bytes(`re: ${text(message)}`));
          exchange.end(0);
        }),
      );
      expect(results).toEqual(["Ok", "1", "grpc-receive 7", "re: msg", "Ok"]);
      expect(messages).toEqual(["msg"]);
    });

    it("sends its path, metadata and deadline", async () => {
      await play(
        [`${CALL} x-own v X-Other w`],
        ["grpc-receive continue-request"],
        once((exchange) => {
          exchange.send(bytes(""));
          exchange.end(0);
        }),
      );
      const [{ path, metadata } = { path: "", metadata: [] }] = exchanges;
      expect(path).toBe("/a.Greeter/Hello");
      expect(named(metadata, "x-own")).toEqual(["v"]);
      expect(named(metadata, "x-other")).toEqual(["w"]);
      expect(named(metadata, "te")).toEqual(["trailers"]);
      expect(named(metadata, "content-type")).toEqual(["application/grpc"]);
      expect(named(metadata, "grpc-timeout")).toEqual(["1000m"]);
    });

    it("without a timeout waits as long as it takes, and still tells the server that it has no time", async () => {
      const results = await play(
        ["grpc-call grpc-server a.B C 0 msg"],
        ["grpc-receive continue-request"],
        once((exchange, message) => {
          exchange.after(150, () => {
            exchange.send(message);
            exchange.end(0);
          });
        }),
        500,
      );
      expect(results).toEqual(["Ok", "grpc-receive 3", "Ok"]);
      expect(named(exchanges[0]!.metadata, "grpc-timeout")).toEqual(["0m"]);
    });

    it("may send and get empty messages", async () => {
      const results = await play(
        ['grpc-call grpc-server a.B C 1000 ""'],
        ["grpc-receive body-size grpc", "grpc-receive continue-request"],
        once((exchange, message) => {
          exchange.send(message);
          exchange.end(0);
        }),
      );
      expect(results).toEqual(["Ok", "grpc-receive 0", "0", "Ok"]);
    });

    it("may get a large message", async () => {
      const results = await play(
        [CALL],
        ["grpc-receive body grpc 199999 5", "grpc-receive continue-request"],
        once((exchange) => {
          exchange.send(bytes("a".repeat(199_999) + "z"));
          exchange.end(0);
        }),
      );
      expect(results).toEqual(["Ok", "grpc-receive 200000", "z", "Ok"]);
    });

    it("is told a status other than 0 with its message, percent-encoded, and where it came from", async () => {
      const results = await play(
        [CALL],
        [GO_ON],
        once((exchange) => exchange.end(9, "no way: é%")),
      );
      expect(results).toEqual(["Ok", "grpc-close 9 no%2520way%253A%2520%25C3%25A9%2525{via_upstream}", "Ok"]);
    });

    it("is told the status alone where a message came before it", async () => {
      const results = await play(
        [CALL],
        ["grpc-receive continue-request", GO_ON],
        once((exchange, message) => {
          exchange.send(message);
          exchange.end(9, "after");
        }),
      );
      expect(results).toEqual(["Ok", "grpc-close 9 after{via_upstream}", "Ok"]);
    });

    it("is told 13 where the server says it is well and sends nothing", async () => {
      const results = await play(
        [CALL],
        [GO_ON],
        once((exchange) => {
          exchange.sendMetadata([]);
          exchange.end(0);
        }),
      );
      expect(results).toEqual(["Ok", "grpc-close 13 ", "Ok"]);
    });

    it("is told 14 when its time is up", async () => {
      const results = await play(["grpc-call grpc-server a.B C 50 msg"], [GO_ON], () => ({}), 400);
      expect(results).toEqual(["Ok", "grpc-close 14 upstream request timeout{response_timeout}", "Ok"]);
    });

    it("is told 14 where the connection is refused", async () => {
      const results = await play(["grpc-call grpc-refuse a.B C 1000 msg"], [GO_ON], () => ({}));
      expect(results).toEqual([
        "Ok",
        "grpc-close 14 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure" +
          "{upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}}",
        "Ok",
      ]);
    });

    it("is told 14 where the server breaks it off, and 13 when it had begun to answer", async () => {
      expect(
        await play(
          [CALL],
          [GO_ON],
          once((exchange) => exchange.reset()),
        ),
      ).toEqual([
        "Ok",
        "grpc-close 14 upstream connect error or disconnect/reset before headers. reset reason: remote reset" +
          "{upstream_reset_before_response_started{remote_reset}}",
        "Ok",
      ]);
      const begun = once((exchange, message) => {
        exchange.send(message);
        exchange.after(40, () => exchange.reset());
      });
      expect(await play([CALL], [GO_ON], begun, 400)).toEqual([
        "Ok",
        "grpc-close 13 upstream_reset_after_response_started{remote_reset}",
        "Ok",
      ]);
    });

    it("is told 2 by a server that speaks plain HTTP", async () => {
      const results = await play(["grpc-call grpc-http a.B C 1000 msg"], [GO_ON], () => ({}));
      expect(results).toEqual(["Ok", "grpc-close 2 via_upstream", "Ok"]);
    });

    it("fails at once to a cluster that is not there, and the root context is told by a token that nobody knows", async () => {
      const results = await play(["grpc-call no-such-cluster a.B C 1000 msg"], [], () => ({}), 200);
      expect(results).toEqual(["InternalFailure", "grpc-close 14 Cluster not available", "unknown token"]);
    });

    it("fails at once to bytes that are neither a GrpcService nor a cluster's name", async () => {
      const results = await play(["grpc-call-to %FF", "grpc-stream-to %FF"], [], () => ({}), 120);
      expect(results).toEqual(["ParseFailure", "ParseFailure"]);
    });

    it("comes to nothing once it is cancelled, or closed", async () => {
      const late = once((exchange, message) => {
        exchange.after(60, () => {
          exchange.send(message);
          exchange.end(0);
        });
      });
      for (const how of ["grpc-cancel", "grpc-close"]) {
        const results = await play([CALL, how, how], ["grpc-receive continue-request", GO_ON], late, 300);
        expect(results).toEqual(["Ok", "Ok", "NotFound"]);
      }
    });

    it("is no stream to send on", async () => {
      const results = await play(
        [CALL, "grpc-send more"],
        ["grpc-receive continue-request"],
        once((exchange, message) => {
          exchange.send(message);
          exchange.end(0);
        }),
      );
      expect(results).toEqual(["Ok", "BadArgument", "grpc-receive 3", "Ok"]);
    });

    it("is answered when its stream has ended, which can then not be made effective", async () => {
      const late = once((exchange, message) => {
        exchange.after(150, () => {
          exchange.send(message);
          exchange.end(0);
        });
      });
      serve = late;
      const outcome = await stage.play([`request-headers ${CALL}`, HOLD, "grpc-receive continue-request"], {
        abortAfter: 40,
        advance: 400,
      });
      expect(outcome.results).toEqual(["Ok", "grpc-receive 3", "gone BadArgument"]);
    });
  });

  describe("a stream", () => {
    const OPEN = "grpc-stream grpc-server a.Chat Talk";
    const LATER = [
      "grpc-metadata pairs grpc-initial",
      "grpc-receive body grpc 0 100",
      "grpc-trailers pairs grpc-trailing",
      GO_ON,
    ];

    const echo = (exchange: GrpcExchange): GrpcHandler => ({
      onMessage: (message) => exchange.send(bytes(`re: ${text(message)}`)),
      onEnd: () => exchange.end(0, "", [["x-t", "bye"]]),
    });

    it("sends and gets messages, each its own, and both sides end", async () => {
      const results = await play([OPEN, "grpc-kind", "grpc-send one", "grpc-send two end"], LATER, echo);
      expect(results.slice(0, 4)).toEqual(["Ok", "2", "Ok", "Ok"]);
      expect(results.filter((result) => !result.startsWith(":status")).slice(4)).toEqual([
        "grpc-metadata",
        "grpc-receive 7",
        "re: one",
        "grpc-receive 7",
        "re: two",
        "grpc-trailers",
        "grpc-status: 0\nx-t: bye",
        "grpc-close 0 via_upstream",
        "Ok",
      ]);
      expect(messages).toEqual(["one", "two"]);
    });

    it("gets initial metadata with the server's own", async () => {
      const results = await play(
        [OPEN, "grpc-send one end"],
        ["grpc-metadata pairs grpc-initial", GO_ON],
        once((exchange) => {
          exchange.sendMetadata([["x-i", "1"]]);
          exchange.end(0);
        }),
      );
      const metadata = pairsIn(results[3]);
      expect(named(metadata, ":status")).toEqual(["200"]);
      expect(named(metadata, "content-type")).toEqual(["application/grpc"]);
      expect(named(metadata, "x-i")).toEqual(["1"]);
    });

    it("ends on this side alone by being closed", async () => {
      const results = await play([OPEN, "grpc-send one", "grpc-close"], [GO_ON], echo);
      expect(results.slice(0, 3)).toEqual(["Ok", "Ok", "Ok"]);
      expect(results.slice(-2)).toEqual(["grpc-close 0 via_upstream", "Ok"]);
    });

    it("goes on by answering what it got", async () => {
      const results = await play(
        [OPEN, "grpc-send one"],
        ["grpc-receive grpc-send bye end", GO_ON],
        (exchange) => {
          let count = 0;
          return {
            onMessage: (message) => {
              if (++count === 1) exchange.send(message);
            },
            onEnd: () => exchange.end(0),
          };
        },
      );
      expect(messages).toEqual(["one", "bye"]);
      expect(results.at(-2)).toBe("grpc-close 0 via_upstream");
    });

    it("is told a status without any message, and all that the server said as its trailing metadata", async () => {
      const results = await play(
        [OPEN, "grpc-send one end"],
        LATER,
        once((exchange) => exchange.end(5, "gone")),
      );
      expect(results.slice(2, 5)).toEqual(["grpc-metadata none", "none", "grpc-trailers"]);
      expect(named(pairsIn(results[5]), "grpc-status")).toEqual(["5"]);
      expect(named(pairsIn(results[5]), ":status")).toEqual(["200"]);
      expect(results.slice(6)).toEqual(["grpc-close 5 gone{via_upstream}", "Ok"]);
    });

    it("is told when the server breaks it off", async () => {
      const breaking = once((exchange, message) => {
        exchange.send(message);
        exchange.after(40, () => exchange.reset());
      });
      const results = await play([OPEN, "grpc-send one end"], LATER.slice(1), breaking, 400);
      expect(results).toEqual([
        "Ok",
        "Ok",
        "grpc-metadata",
        "grpc-receive 3",
        "one",
        "grpc-trailers",
        "none",
        "grpc-close 13 upstream_reset_after_response_started{remote_reset}",
        "Ok",
      ]);
    });

    it("is told that its connection is refused", async () => {
      const results = await play(["grpc-stream grpc-refuse a.B C"], [GO_ON], () => ({}));
      expect(results.slice(0, 3)).toEqual(["Ok", "grpc-metadata none", "grpc-trailers"]);
      expect(results[3]).toMatch(/^grpc-close 14 upstream connect error/);
    });

    it("comes to nothing once it is cancelled", async () => {
      const results = await play(
        [OPEN, "grpc-send one", "grpc-cancel", "grpc-cancel", "grpc-send two", "grpc-close"],
        LATER,
        echo,
        300,
      );
      expect(results).toEqual(["Ok", "Ok", "Ok", "NotFound", "NotFound", "NotFound"]);
    });

    it("fails at once to a cluster that is not there", async () => {
      const results = await play(["grpc-stream no-such-cluster a.B C", "grpc-send x"], [], () => ({}), 200);
      expect(results).toEqual([
        "InternalFailure",
        "BadArgument",
        "grpc-close 14 Cluster not available",
        "unknown token",
      ]);
    });
  });

  it("tokens that are none are refused", async () => {
    const tokens = ["send-to 4 x", "send-to 5 x", "send-to 3 x", "send-to 4002 x"];
    expect(
      await play(
        tokens.map((line) => `grpc-${line}`),
        [],
        () => ({}),
        120,
      ),
    ).toEqual(["BadArgument", "BadArgument", "BadArgument", "NotFound"]);
    for (const what of ["close-of", "cancel-of"]) {
      const lines = [4, 3, 4001, 4002].map((token) => `grpc-${what} ${token}`);
      expect(await play(lines, [], () => ({}), 120)).toEqual([
        "BadArgument",
        "BadArgument",
        "NotFound",
        "NotFound",
      ]);
    }
  });
}
