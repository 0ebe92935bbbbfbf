/** Stands in for Zipkin's collector, and keeps the spans that it gets. */
import { HttpServer } from "../envoy/http-server.ts";
import type { ZipkinSpan } from "../peers/zipkin.ts";

export class Collector {
  private constructor(
    private readonly server: HttpServer,
    /** In the order in which they came. */
    readonly spans: readonly ZipkinSpan[],
  ) {}

  static async start(): Promise<Collector> {
    const spans: ZipkinSpan[] = [];
    const server = await HttpServer.start(({ headers, body }) => {
      // What comes to another path is OTLP, of which nobody asks more than that it is taken.
      if (headers.some(([name, value]) => name === ":path" && value === "/api/v2/spans"))
        spans.push(...(JSON.parse(Buffer.from(body).toString()) as ZipkinSpan[]));
      return { status: 200 };
    });
    return new Collector(server, spans);
  }

  get port(): number {
    return this.server.port;
  }

  async stop(): Promise<void> {
    await this.server.close();
  }
}
