/** Where spans go in the benchmark: an HTTP server that counts and swallows them. */
import { createServer, type IncomingMessage } from "node:http";
import { freePort } from "./envoy.ts";

/**
 * Milliseconds. Spans are sent when there are many, and what is left once a second, or in Envoy's case when
 * told so.
 */
const PATIENCE = 10_000;

/** Each span has this once, in Zipkin's JSON. */
const SPAN = '"traceId"';

export class SpanSink {
  /** Spans that have come. */
  private received = 0;
  /** Spans that were to come. */
  private expected = 0;
  /** Called whenever some have come. */
  private came: () => void = () => undefined;

  private constructor(readonly port: number) {}

  /** It ends with the process. */
  static async start(): Promise<SpanSink> {
    const sink = new SpanSink(await freePort());
    // Envoy keeps its connections between two bursts.
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      void spansOf(request).then((spans) => {
        response.writeHead(202, { "content-length": "0" }).end();
        sink.received += spans;
        sink.came();
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(sink.port, "127.0.0.1", resolve);
    });
    server.unref();
    return sink;
  }

  /**
   * Resolves when so many more have come than were waited for before; rejects when there are fewer, or more.
   */
  async take(spans: number): Promise<void> {
    this.expected += spans;
    if (this.received < this.expected) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE);
        this.came = () => {
          if (this.received < this.expected) return;
          clearTimeout(timer);
          resolve();
        };
      });
      this.came = () => undefined;
    }
    if (this.received === this.expected) return;
    throw new Error(`${this.expected} spans should have come by now, ${this.received} did`);
  }
}

async function spansOf(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  let spans = 0;
  for (let at = body.indexOf(SPAN); at >= 0; at = body.indexOf(SPAN, at + SPAN.length)) spans++;
  return spans;
}
