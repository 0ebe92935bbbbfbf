/** What stands behind the clusters of a scenario while it is played: it answers, counts the calls, and fails when it is told to. */
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import { decodeRequest, encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitService, ServiceError } from "../../cli/ratelimit-service/service.ts";
import type { CallAnswer, Cluster, GrpcExchange, GrpcHandler } from "../driver.ts";
import type { Fault, ScenarioCluster } from "./clusters.ts";

/** A rate limit service that takes the place of the one in memory: it answers messages with messages. */
export interface RealRateLimitService {
  /** Rejects with a number where the call ends with that gRPC status. */
  ask(message: Uint8Array): Promise<Uint8Array>;
  stop(): Promise<void>;
}

/** Starts a service with these configuration files. */
export type StartRateLimitService = (configuration: readonly string[]) => Promise<RealRateLimitService>;

/** What answers a gRPC message: a message or a status, now or later. */
type Answer = Uint8Array | number;
type Answerer = (message: Uint8Array) => Answer | Promise<Answer>;

const GARBAGE = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
/** What has answered nothing has no message for it. */
const UNKNOWN = 2;
/** As grpc-go answers a message that it cannot decode. */
const INTERNAL = 13;

export class StandIns {
  /** For `SessionSpec.clusters`. */
  readonly clusters: Record<string, Cluster> = {};
  private readonly faults = new Map<string, Fault>();
  private readonly calls = new Map<string, number>();
  private readonly real: RealRateLimitService[] = [];

  private constructor() {}

  /** `now` is the session's wall clock in milliseconds; it is asked when a call comes. */
  static async start(
    clusters: ReadonlyMap<string, ScenarioCluster>,
    now: () => number,
    startService?: StartRateLimitService,
  ): Promise<StandIns> {
    const standIns = new StandIns();
    for (const [name, cluster] of clusters) {
      if (cluster === "refuse") standIns.clusters[name] = "refuse";
      else if ("http" in cluster) standIns.clusters[name] = { http: () => standIns.http(name, cluster.http) };
      else {
        const answer = await standIns.answerer(cluster, now, startService);
        standIns.clusters[name] = { grpc: (exchange) => standIns.grpc(name, exchange, answer) };
      }
    }
    return standIns;
  }

  /** From now on this is what comes of calls to the cluster; null: its answers. */
  fail(name: string, fault: Fault | null): void {
    if (fault === null) this.faults.delete(name);
    else this.faults.set(name, fault);
  }

  /** The calls that have reached the cluster since they were forgotten last. */
  callsOf(name: string): number {
    return this.calls.get(name) ?? 0;
  }

  forgetCalls(): void {
    this.calls.clear();
  }

  async stop(): Promise<void> {
    for (const service of this.real.splice(0)) await service.stop();
  }

  private async answerer(
    cluster: Exclude<ScenarioCluster, "refuse" | { http: unknown }>,
    now: () => number,
    startService?: StartRateLimitService,
  ): Promise<Answerer> {
    if ("grpc" in cluster) {
      const { message, status } = cluster.grpc;
      return () => (status === 0 ? (message ?? new Uint8Array(0)) : status);
    }
    if ("rateLimitResponse" in cluster) {
      const response = encodeResponse(cluster.rateLimitResponse);
      return () => response;
    }
    const files = cluster.rateLimitService;
    if (startService !== undefined) {
      const service = await startService(files);
      this.real.push(service);
      return (message) =>
        service.ask(message).catch((why: unknown) => (typeof why === "number" ? why : UNKNOWN));
    }
    const { configuration } = readConfiguration(files.map((text, at) => ({ file: String(at), text })));
    const service = new RateLimitService(configuration, now);
    return (message) => {
      try {
        return encodeResponse(service.shouldRateLimit(decodeRequest(message)));
      } catch (error) {
        // A module may send what is no message: a server answers that too, and does not fall over it.
        return error instanceof ServiceError ? error.status : INTERNAL;
      }
    };
  }

  private count(name: string): Fault | undefined {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    return this.faults.get(name);
  }

  private http(name: string, answer: CallAnswer): CallAnswer | (Fault & string) {
    const fault = this.count(name);
    if (typeof fault === "string") return fault;
    if (fault === undefined) return answer;
    return "status" in fault ? { status: fault.status } : { ...answer, after: fault.after };
  }

  private grpc(name: string, exchange: GrpcExchange, answer: Answerer): GrpcHandler {
    return {
      onMessage: (message) => {
        const fault = this.count(name);
        if (fault === "silence") return;
        if (fault === "reset" || fault === "cut") {
          if (fault === "cut") exchange.sendMetadata([]);
          exchange.reset();
          return;
        }
        if (fault === "garbage") {
          finish(exchange, GARBAGE);
          return;
        }
        if (fault !== undefined && "status" in fault) {
          finish(exchange, fault.status);
          return;
        }
        const answered = answer(message);
        const send = (what: Answer): void => {
          if (fault === undefined) finish(exchange, what);
          else exchange.after(fault.after, () => finish(exchange, what));
        };
        if (answered instanceof Promise) answered.then(send, () => send(INTERNAL));
        else send(answered);
      },
    };
  }
}

function finish(exchange: GrpcExchange, answer: Answer): void {
  if (typeof answer === "number") {
    exchange.end(answer, "as the scenario says");
    return;
  }
  exchange.send(answer);
  exchange.end(0);
}
