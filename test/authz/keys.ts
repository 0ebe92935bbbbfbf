/** A proxy on the host whose plugin has remote keys (`keys-module/`), and the server that they come from. */
import { compile } from "../../tools/compile.ts";
import type { CallAnswer, Fault, UpstreamRequest } from "../driver.ts";
import { type HttpStream, Host, type Listener, PluginModule, type PluginOptions } from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";

export const MODULE = "test/authz/keys-module/module.ts";
/** What Istio calls the server's cluster. */
export const CLUSTER = "outbound|443||issuer.example";

/** A set of symmetric keys of these names. */
export function keySet(...names: string[]): string {
  const k = Buffer.alloc(64, 7).toString("base64url");
  return JSON.stringify({ keys: names.map((kid) => ({ kty: "oct", kid, k })) });
}

const module = await compile(MODULE).then((binary) => PluginModule.compile(binary));

const MILLISECOND = 1_000_000n;

export class KeyServer {
  /** What was asked, and when, in milliseconds. */
  readonly requests: { at: number; request: UpstreamRequest }[] = [];
  /** What it answers from now on. */
  answer: CallAnswer | Fault;
  private readonly host: Host;

  constructor(host: Host, cluster: string, answer: CallAnswer | Fault) {
    this.host = host;
    this.answer = answer;
    host.clusters.set(cluster, {
      http: (request) => {
        this.requests.push({ at: Number(this.host.clock.monotonic / MILLISECOND), request });
        return this.answer;
      },
    });
  }

  /** It has keys of these names, which take so many milliseconds to come. */
  has(names: readonly string[], after = 0): void {
    this.answer = { body: Buffer.from(keySet(...names)), after };
  }

  /** Milliseconds between two requests. */
  get intervals(): number[] {
    return this.requests.slice(1).map(({ at }, position) => at - this.requests[position]!.at);
  }
}

export class KeyProxy {
  readonly host: Host;
  readonly server: KeyServer;
  readonly listener: Listener;

  constructor(
    options: {
      workers?: number;
      config?: object;
      answer?: CallAnswer | Fault;
      plugins?: readonly PluginOptions[];
    } = {},
  ) {
    this.host = new Host({ ...nodeLibraries, logLevel: 3, workers: options.workers ?? 1 });
    this.server = new KeyServer(this.host, CLUSTER, options.answer ?? { body: Buffer.from(keySet("one")) });
    const { plugins = [plugin(options.config)] } = options;
    this.listener = this.host.listen({ plugins });
  }

  advance(milliseconds: number): void {
    this.host.clock.advance(BigInt(milliseconds) * MILLISECOND);
  }

  /** A request whose token names this key. */
  open(kid: string, worker?: number, headers: [string, string][] = []): HttpStream {
    return this.listener.open({ method: "GET", path: "/", headers: [["x-kid", kid], ...headers] }, worker);
  }

  /** What comes of it. */
  ask(kid: string, worker?: number): string {
    return saidOf(this.open(kid, worker));
  }

  fetches(result: string): number {
    const name = `result=.=${result};.;outrigger_authz_jwks_fetches`;
    this.advance(1000);
    return this.host.metrics.values()[name] ?? 0;
  }

  get logs(): string[] {
    return this.host.logs.splice(0).map(({ text }) => text);
  }
}

export function plugin(config: object = {}, number = 0) {
  const configuration = JSON.stringify({ jwksUri: "https://issuer.example/keys?tenant=1", ...config });
  return { module, name: `keys-${number}`, rootId: "keys", configuration };
}

/** `passed`, the reason of a refusal, or `waits`. */
export function saidOf(stream: HttpStream): string {
  if (!stream.finished) return "waits";
  const { response } = stream;
  if (response?.status === 200) return "passed";
  return `${response?.status} ${Buffer.from(response?.body ?? []).toString()}`;
}
