/** Asks a RateLimitService over gRPC. */
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SHOULD_RATE_LIMIT } from "../../cli/ratelimit-service/server.ts";
import type { RateLimitRequest, RateLimitResponse } from "../../cli/ratelimit-service/messages.ts";

/** An answer, or the gRPC status that came instead. */
export type Answer = RateLimitResponse | { status: number; details: string };

export class RateLimitClient {
  private readonly client: Client;

  constructor(port: number) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  ask(request: RateLimitRequest): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = SHOULD_RATE_LIMIT;
    return new Promise((resolve) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + 5000 },
        (error: ServiceError | null, response) =>
          resolve(error === null ? response! : { status: error.code, details: error.details }),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}
