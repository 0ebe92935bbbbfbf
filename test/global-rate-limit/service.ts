/** A rate limit service as a cluster of a driver's session: what it answers is said by a function. */
import {
  Code,
  decodeRequest,
  encodeResponse,
  type DescriptorStatus,
  type RateLimitRequest,
  type RateLimitResponse,
} from "../../cli/ratelimit-service/messages.ts";
import type { Cluster, GrpcExchange } from "../driver.ts";

export const NO_BYTES = new Uint8Array();

/** What comes of a question: a response, bytes instead of one, or what is done with the exchange. */
export type Outcome = RateLimitResponse | Uint8Array | ((exchange: GrpcExchange) => void);

export class ScriptedService {
  /** All questions so far. */
  readonly asked: RateLimitRequest[] = [];
  /** Answers a question; may be changed at any time. */
  answer: (request: RateLimitRequest) => Outcome;

  constructor(answer: (request: RateLimitRequest) => Outcome = () => allowed()) {
    this.answer = answer;
  }

  readonly cluster: Cluster = {
    grpc: (exchange) => ({
      onMessage: (message) => {
        const request = decodeRequest(message);
        this.asked.push(request);
        const outcome = this.answer(request);
        if (typeof outcome === "function") {
          outcome(exchange);
          return;
        }
        exchange.send(outcome instanceof Uint8Array ? outcome : encodeResponse(outcome));
        exchange.end(0);
      },
    }),
  };
}

const NOTHING = {
  responseHeadersToAdd: [],
  requestHeadersToAdd: [],
  rawBody: NO_BYTES,
  dynamicMetadata: null,
};

export function status(over: boolean, more: Partial<DescriptorStatus> = {}): DescriptorStatus {
  return {
    code: over ? Code.OverLimit : Code.Ok,
    currentLimit: { requestsPerUnit: 100, unit: 2, name: "" },
    limitRemaining: over ? 0 : 42,
    durationUntilReset: { seconds: 30, nanos: 0 },
    ...more,
  };
}

export function allowed(more: Partial<RateLimitResponse> = {}): RateLimitResponse {
  return { overallCode: Code.Ok, statuses: [status(false)], ...NOTHING, ...more };
}

export function denied(more: Partial<RateLimitResponse> = {}): RateLimitResponse {
  return { overallCode: Code.OverLimit, statuses: [status(true)], ...NOTHING, ...more };
}

/** A header to be added. */
export const header = (key: string, value: string) => ({ key, value, rawValue: NO_BYTES });
