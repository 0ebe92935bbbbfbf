/** A real Zipkin on loopback. What it is told stays in its memory and ends with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../envoy/process.ts";
import { cached, onPath, run } from "./cache.ts";
import { PeerNotFound, PeerProcess } from "./process.ts";

export const ZIPKIN_VERSION = "3.6.1";

/** A span as Zipkin tells it: the model of its API v2 (https://zipkin.io/zipkin-api/). */
export interface ZipkinSpan {
  traceId: string;
  id: string;
  /** Left out of the trace's first span. */
  parentId?: string;
  kind?: "CLIENT" | "SERVER" | "PRODUCER" | "CONSUMER";
  /** In lower case, as Zipkin keeps it. */
  name?: string;
  /** Microseconds since 1970. */
  timestamp?: number;
  /** Microseconds. */
  duration?: number;
  localEndpoint?: ZipkinEndpoint;
  remoteEndpoint?: ZipkinEndpoint;
  annotations?: { timestamp: number; value: string }[];
  tags?: Record<string, string>;
  /** The server's half of a span whose client's half has the same id. */
  shared?: boolean;
  debug?: boolean;
}

export interface ZipkinEndpoint {
  /** In lower case, as Zipkin keeps it. */
  serviceName?: string;
  ipv4?: string;
  ipv6?: string;
  port?: number;
}

export interface TraceQuery {
  serviceName?: string;
  spanName?: string;
  /** `error and http.status_code=500`. */
  annotationQuery?: string;
  /** Microseconds. */
  minDuration?: number;
  maxDuration?: number;
  /** Milliseconds since 1970; default now. */
  endTs?: number;
  /** Milliseconds before `endTs`; default a day. */
  lookback?: number;
  /** The newest that many; Zipkin's default is 10. */
  limit?: number;
}

export class Zipkin {
  private readonly folder = mkdtempSync(join(tmpdir(), "outrigger-zipkin-"));
  private process: PeerProcess | undefined;

  private constructor(
    private readonly java: string,
    private readonly jar: string,
    readonly port: number,
  ) {}

  /** The first call on a machine fetches it. Ready after about five seconds. Throws {@link PeerNotFound}. */
  static async start(): Promise<Zipkin> {
    const jar = await locateZipkin();
    const zipkin = new Zipkin(await locateJava(), jar, (await freePort()).port);
    await zipkin.restart().catch((error: unknown) => {
      rmSync(zipkin.folder, { recursive: true, force: true });
      throw error;
    });
    return zipkin;
  }

  /** Of the process that was started last. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): string | undefined {
    return this.process?.exit;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Begins anew, empty, on the same port. */
  async restart(): Promise<void> {
    await this.kill();
    // Libraries that it unpacks go where they are removed, also after SIGKILL. The compiler that takes less time to start is enough.
    const machine = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
    const listener = { ip: "127.0.0.1", port: this.port, "protocols[0]": "http" };
    this.process = await PeerProcess.start({
      command: this.java,
      arguments: [
        ...machine,
        `-Djava.io.tmpdir=${this.folder}`,
        "-jar",
        this.jar,
        ...Object.entries(listener).map(([name, value]) => `--armeria.ports[0].${name}=${value}`),
      ],
      cwd: this.folder,
      // Not the user's: it takes its settings from there too.
      env: { PATH: process.env.PATH, STORAGE_TYPE: "mem", MEM_MAX_SPANS: "100000" },
      isReady: async () => (await this.get("/health")).ok,
      readyWithin: 90_000,
    });
  }

  /** Its traces, each with all its spans. */
  async traces(query: TraceQuery = {}): Promise<ZipkinSpan[][]> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
    return (await this.read(`/api/v2/traces?${parameters.toString()}`)) as ZipkinSpan[][];
  }

  /** The spans of one trace; none where it knows no such trace. */
  async trace(id: string): Promise<ZipkinSpan[]> {
    const answer = await this.get(`/api/v2/trace/${id}`);
    if (answer.status === 404) return [];
    return (await body(answer)) as ZipkinSpan[];
  }

  /** The services it has heard of. */
  async services(): Promise<string[]> {
    return (await this.read("/api/v2/services")) as string[];
  }

  /** How many spans it has been sent since it was started. */
  async received(): Promise<number> {
    const metrics = (await this.read("/metrics")) as Record<string, number>;
    return metrics["counter.zipkin_collector.spans.http"] ?? 0;
  }

  /** As a machine that loses power: its spans are gone. */
  async kill(): Promise<void> {
    await this.process?.kill();
  }

  /** It keeps its connections and answers nothing, until {@link resume}. */
  pause(): void {
    this.process?.pause();
  }

  resume(): void {
    this.process?.resume();
  }

  async stop(): Promise<void> {
    await this.process?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async read(path: string): Promise<unknown> {
    return body(await this.get(path));
  }

  private get(path: string): Promise<Response> {
    return fetch(this.url + path, { signal: AbortSignal.timeout(10_000) });
  }
}

async function body(answer: Response): Promise<unknown> {
  if (!answer.ok) throw new Error(`Zipkin answers ${answer.status} to ${answer.url}: ${await answer.text()}`);
  return answer.json();
}

/** It is built for this version. */
const JAVA_VERSION = 17;

const JAVA_REMEDY = `Install Java ${JAVA_VERSION} or later: apt-get install default-jre-headless (or https://adoptium.net).`;

/** A release of the plugin that copies, so that Maven does not ask for the newest. */
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";

/** The path of its jar, fetched from Maven Central when it is not there yet. Throws {@link PeerNotFound}, without Java too. */
export async function locateZipkin(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  await locateJava(env);
  const fetchJar = async (folder: string): Promise<void> => {
    const artifact = `io.zipkin:zipkin-server:${ZIPKIN_VERSION}:jar:exec`;
    const remedy =
      "Install Maven: apt-get install maven (or https://maven.apache.org). It fetches Zipkin once.";
    console.error(`Fetching ${artifact} (135 MB, once) ...`);
    const words = ["--batch-mode", "--no-transfer-progress", COPY, `-Dartifact=${artifact}`];
    const { code, output } = await run("mvn", [...words, `-DoutputDirectory=${folder}`], {
      env,
      // Outside of any project, whose `pom.xml` would have a say.
      cwd: folder,
    });
    if (code === "ENOENT") throw new PeerNotFound("Zipkin", "Maven (mvn) is not installed", remedy);
    if (code !== 0)
      throw new PeerNotFound("Zipkin", `mvn ${COPY} failed (${code}):\n${output.trim()}`, remedy);
    await rename(join(folder, `zipkin-server-${ZIPKIN_VERSION}-exec.jar`), join(folder, "zipkin.jar"));
  };
  return cached(`zipkin-${ZIPKIN_VERSION}`, "zipkin.jar", fetchJar, env);
}

/** The path of a `java` that is new enough: `$JAVA_HOME`'s, or that on the PATH. Throws {@link PeerNotFound}. */
export async function locateJava(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const java = env.JAVA_HOME ? join(env.JAVA_HOME, "bin", "java") : await onPath("java", env);
  if (java === undefined) throw new PeerNotFound("Zipkin", "java is not on the PATH", JAVA_REMEDY);
  const { code, output } = await run(java, ["-version"], { env });
  // `openjdk version "17.0.15" 2025-04-15`; before 9 it was "1.8.0".
  const version = Number(/version "(\d+)/.exec(output)?.[1] ?? NaN);
  if (code !== 0 || Number.isNaN(version))
    throw new PeerNotFound("Zipkin", `${java} -version failed (${code}):\n${output.trim()}`, JAVA_REMEDY);
  if (version < JAVA_VERSION)
    throw new PeerNotFound(
      "Zipkin",
      `${java} is version ${version}, and ${JAVA_VERSION} is needed`,
      JAVA_REMEDY,
    );
  return java;
}
