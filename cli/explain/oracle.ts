/** Asks the built module: what comes of one request under this and that configuration of a filter. */
import type { HttpRequest, UpstreamRequest } from "../../test/driver.ts";
import { FakeClock, Host, LogLevel, type HttpStream } from "../../test/host/index.ts";
import { nodeLibraries } from "../../test/host/node-libraries.ts";
import type { Runner } from "../modules.ts";

/** What the host knows of a stream. */
export type Attribute = string | boolean | bigint;

export interface OracleOptions {
  runner: Runner;
  /** The proxy's clock, in nanoseconds since 1970. */
  now: bigint;
  /** What the host knows of the stream, by path with dots. */
  attributes: Readonly<Record<string, Attribute>>;
  request: HttpRequest;
  /** The plugin's configuration with this one of the filter; with null, without the filter: null where nothing is left. */
  within: (config: unknown) => unknown;
}

/** What came of the request. */
export interface Outcome {
  /** What the filter counted, by the metric's name. */
  counted: ReadonlyMap<string, number>;
  /** Null when the request did not get there. */
  upstream: UpstreamRequest | null;
  response: HttpStream["response"];
  details: string;
  /** What plugins have set. */
  properties: ReadonlyMap<string, string>;
  /** What plugins have logged while they had the request. */
  logs: readonly string[];
}

/** A tick of the modules hands on what they have counted; their period is a second. */
const TICK = 1_100_000_000n;

export class Oracle {
  private readonly options: OracleOptions;
  private without: Outcome | null = null;

  constructor(options: OracleOptions) {
    this.options = options;
  }

  get request(): HttpRequest {
    return this.options.request;
  }

  /** The request as it reaches the filter: when only those before it are there. */
  get before(): Outcome {
    this.without ??= this.play(this.options.within(null));
    return this.without;
  }

  /** What the filter makes of the request, with `changes` to it. Throws `ConfigurationRefused` when it does not take the configuration. */
  run(config: unknown, changes: Partial<HttpRequest> = {}): Outcome {
    const outcome = this.play(this.options.within(config), changes);
    const counted = new Map<string, number>();
    for (const [name, value] of outcome.counted) {
      const own = value - (this.before.counted.get(name) ?? 0);
      if (own > 0) counted.set(name, own);
    }
    return { ...outcome, counted };
  }

  /** Each time in a process of its own. */
  private play(config: unknown, changes: Partial<HttpRequest> = {}): Outcome {
    const { runner, now, attributes, request } = this.options;
    const host = new Host({ ...nodeLibraries, clock: new FakeClock(now), logLevel: LogLevel.Debug });
    const plugin = {
      module: runner.module,
      name: "explain",
      rootId: runner.rootId,
      configuration: JSON.stringify(config),
    };
    const listener = host.listen({ plugins: config === null ? [] : [plugin], attributes });
    host.logs.length = 0;
    const stream = listener.run({ ...request, ...changes });
    const logs = host.logs.map(({ text }) => text);
    host.clock.advance(TICK);
    const counted = new Map(Object.entries(host.metrics.values()).filter(([, value]) => value > 0));
    const { upstream, response, info } = stream;
    return {
      counted,
      upstream,
      response,
      details: info.details ?? "",
      properties: new Map(Object.entries(info.state.properties())),
      logs,
    };
  }
}
