/** Plays requests through the conformance module and collects what came of them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  Driver,
  Exchange,
  Header,
  HttpRequest,
  LogLine,
  PluginSpec,
  Session,
  SessionSpec,
  TcpTalk,
  UpstreamReply,
  UpstreamRequest,
} from "../driver.ts";
import { compile } from "../../tools/compile.ts";

export interface Outcome extends Exchange {
  /** What the operations answered, in the order in which they were performed. */
  results: string[];
  /** The callbacks of plugins configured with `trace`, as `<label> <callback> <arguments>`. */
  trace: string[];
  logs: readonly LogLine[];
}

export interface Play extends Partial<HttpRequest> {
  /** What the upstream answers. */
  reply?: UpstreamReply;
  /** Milliseconds that pass while the request is under way. */
  advance?: number;
}

export interface StageSpec extends Pick<
  SessionSpec,
  "claims" | "clusters" | "direction" | "metrics" | "peers" | "properties" | "tcp"
> {
  /** The configuration of each plugin in the chain. */
  plugins?: readonly string[];
  /** Likewise of network plugins before them. */
  network?: readonly string[];
  vmConfiguration?: string;
  /** Each plugin has a VM of its own. */
  separateVms?: boolean;
}

/** One driver and the built module. */
export class Player {
  readonly driver: Driver;
  readonly #folder: string;
  readonly #module: string;
  #stages = 0;

  private constructor(driver: Driver, folder: string, module: string) {
    this.driver = driver;
    this.#folder = folder;
    this.#module = module;
  }

  static async start(driver: Driver): Promise<Player> {
    const folder = await mkdtemp(join(tmpdir(), "outrigger-conformance-"));
    const module = join(folder, "conformance.wasm");
    const binary = await compile(fileURLToPath(new URL("module/index.ts", import.meta.url)));
    await writeFile(module, binary);
    return new Player(driver, folder, module);
  }

  async open(spec: StageSpec = {}): Promise<Stage> {
    const number = ++this.#stages;
    const { plugins, network = [], vmConfiguration, separateVms = false, ...session } = spec;
    // A root id of their own, since Envoy's log tells root contexts apart by nothing else.
    const pluginsOf = (configurations: readonly string[], kind = ""): PluginSpec[] =>
      configurations.map((configuration, at) => ({
        module: this.#module,
        name: `${kind}plugin-${number}-${at + 1}`,
        rootId: `${kind}root-${number}-${at + 1}`,
        configuration,
        ...(separateVms ? { vmConfiguration: `vm-${at}` } : {}),
        ...(vmConfiguration === undefined ? {} : { vmConfiguration }),
      }));
    const stage = new Stage(pluginsOf);
    const reply = (): UpstreamReply => stage.reply;
    stage.session = await this.driver.open({
      ...session,
      plugins: pluginsOf(plugins ?? (spec.tcp === undefined ? [""] : [])),
      network: pluginsOf(network, "network-"),
      reply,
    });
    return stage;
  }

  async close(): Promise<void> {
    await this.driver.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A session whose plugins are the conformance module. */
export class Stage {
  declare session: Session;
  reply: UpstreamReply = {};
  readonly #pluginsOf: (configurations: readonly string[]) => PluginSpec[];

  constructor(pluginsOf: (configurations: readonly string[]) => PluginSpec[]) {
    this.#pluginsOf = pluginsOf;
  }

  /** Plays one request that asks the module for these lines. */
  async play(script: readonly string[], play: Play = {}): Promise<Outcome> {
    const { reply = {}, advance, ...request } = play;
    this.reply = reply;
    await this.session.logs();
    const lines = script.map((line): Header => ["x-case", line]);
    const played = this.session.request({
      method: "GET",
      path: "/",
      ...request,
      headers: [...(request.headers ?? []), ...lines],
    });
    if (advance !== undefined) await this.session.advance(advance);
    const exchange = await played;
    return { ...exchange, ...(await this.collect()) };
  }

  /** As {@link play}, for what the operations answered alone. */
  async results(script: readonly string[], play: Play = {}): Promise<string[]> {
    return (await this.play(script, play)).results;
  }

  /** Plays one connection of plain TCP. */
  async talk(
    talk: TcpTalk,
  ): Promise<Omit<Outcome, keyof Exchange> & { client: string; server: string | null; refused: boolean }> {
    await this.session.logs();
    const { client, server, refused } = await this.session.tcp(talk);
    return { client: text(client), server: server && text(server), refused, ...(await this.collect()) };
  }

  async update(configurations: readonly string[]): Promise<void> {
    await this.session.update(this.#pluginsOf(configurations));
  }

  /** What was logged since the last time. */
  async collect(): Promise<Pick<Outcome, "results" | "trace" | "logs">> {
    const logs = await this.session.logs();
    const starting = (mark: string): string[] =>
      logs.flatMap(({ text }) => (text.startsWith(mark) ? [text.slice(mark.length)] : []));
    return { results: starting("="), trace: starting("~ "), logs };
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/** The request that must have reached the upstream. */
export function sent({ upstream }: Exchange): UpstreamRequest {
  if (upstream === null) throw new Error("the request did not reach the upstream");
  return upstream;
}

/** A number that an operation answered. */
export function integer(result: string | undefined): bigint {
  return BigInt(result ?? "none");
}

/** All values of a header, by its exact spelling. */
export function named(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other === name).map(([, value]) => value);
}

/** Headers whose name starts with `x-` and is a letter or two after that: those that tests give. */
export function own(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => /^x-[a-z]{1,2}$/i.test(name));
}

/** Lines of an operation `pairs`. */
export function pairsIn(result: string | undefined): Header[] {
  if (result === undefined || result === "none") return [];
  return result.split("\n").map((line): Header => {
    const colon = line.indexOf(": ", 1);
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
}

let unique = 0;

/** A name which no other test uses: shared data and metrics are the whole process's. */
export function fresh(prefix: string): string {
  return `${prefix}_${++unique}`;
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
export const bytes = (value: string): Uint8Array => Buffer.from(value, "latin1");

/** Bytes, or the UTF-8 form of a text, as an argument of an operation. */
export function argument(value: Uint8Array | string): string {
  const all = typeof value === "string" ? Buffer.from(value) : value;
  return all.length === 0
    ? '""'
    : Array.from(all, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}
