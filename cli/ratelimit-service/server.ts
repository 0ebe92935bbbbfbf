/** The service on gRPC, with gRPC's own health service, which ratelimit has too. */
import {
  Server,
  ServerCredentials,
  status,
  type MethodDefinition,
  type UntypedHandleCall,
  type sendUnaryData,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "./messages.ts";
import type { RateLimitRequest, RateLimitResponse } from "./messages.ts";
import { ServiceError, type RateLimitService } from "./service.ts";

export const SHOULD_RATE_LIMIT: MethodDefinition<RateLimitRequest, RateLimitResponse> = {
  path: "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
  requestStream: false,
  responseStream: false,
  requestSerialize: (request) => Buffer.from(encodeRequest(request)),
  requestDeserialize: decodeRequest,
  responseSerialize: (response) => Buffer.from(encodeResponse(response)),
  responseDeserialize: decodeResponse,
};

/** Whatever it is asked about, it serves: `HealthCheckResponse{status: SERVING}`. */
const HEALTH_CHECK: MethodDefinition<null, null> = {
  path: "/grpc.health.v1.Health/Check",
  requestStream: false,
  responseStream: false,
  requestSerialize: () => Buffer.alloc(0),
  requestDeserialize: () => null,
  responseSerialize: () => Buffer.from([1 << 3, 1]),
  responseDeserialize: () => null,
};

export class RateLimitServer {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** The port 0 takes a free one. Rejects where the address cannot be had. */
  static async start(service: RateLimitService, host: string, port: number): Promise<RateLimitServer> {
    const server = new Server();
    server.addService(
      { shouldRateLimit: SHOULD_RATE_LIMIT, check: HEALTH_CHECK },
      { shouldRateLimit: answering(service), check: serving },
    );
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, actual) =>
        error === null ? resolve(actual) : reject(error),
      );
    });
    return new RateLimitServer(server, bound);
  }

  /** Ends the connections too: proxies keep theirs open for ever. */
  close(): void {
    this.server.forceShutdown();
  }
}

const serving: UntypedHandleCall = (_call: ServerUnaryCall<null, null>, answer: sendUnaryData<null>) =>
  answer(null, null);

function answering(service: RateLimitService): UntypedHandleCall {
  return (
    { request }: ServerUnaryCall<RateLimitRequest, RateLimitResponse>,
    answer: sendUnaryData<RateLimitResponse>,
  ) => {
    try {
      answer(null, service.shouldRateLimit(request));
    } catch (error) {
      const code = error instanceof ServiceError ? error.status : status.INTERNAL;
      answer({ code, details: (error as Error).message });
    }
  };
}
