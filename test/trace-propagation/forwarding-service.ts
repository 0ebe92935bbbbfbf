/**
 * The service that the W3C's test harness for Trace Context asks for (github.com/w3c/trace-context,
 * `test/README.md`): it is told by a JSON array whom to call, and calls them. Of what came in it passes on
 * `x-request-id` and nothing else, as an application does that knows nothing of traces.
 */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { UpstreamRequest } from "../driver.ts";
import { freePort } from "../envoy/process.ts";
import { record } from "../envoy/upstream.ts";

/** A call that the service is to make. The arguments are its body: the calls that the called one makes. */
export interface Action {
  url: string;
  arguments: readonly Action[];
}

export class ForwardingService {
  readonly port: number;
  /** What the service was called with, oldest first; may be emptied. */
  readonly received: UpstreamRequest[] = [];
  readonly #server: Server;
  readonly #proxyPort: number | undefined;

  private constructor(server: Server, port: number, proxyPort: number | undefined) {
    this.#server = server;
    this.port = port;
    this.#proxyPort = proxyPort;
  }

  /** `proxyPort`: where calls go, with the called host as `Host`; left out: to that host itself. */
  static async start(proxyPort?: number): Promise<ForwardingService> {
    const server = createServer({ keepAliveTimeout: 0 });
    const { port } = await freePort();
    const service = new ForwardingService(server, port, proxyPort);
    server.on("request", (incoming, response) => {
      service.#serve(incoming).then(
        () => response.end("null"),
        (error: unknown) => response.writeHead(502).end(String(error)),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return service;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(incoming: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.received.push(record(incoming, body));
    const id = incoming.headers["x-request-id"];
    for (const action of JSON.parse(body.toString()) as Action[]) {
      const status = await this.#call(action, typeof id === "string" ? id : undefined);
      if (status !== 200) throw new Error(`${action.url} answered ${status}`);
    }
  }

  /** Answers the status. Each call has a connection of its own: any of the proxy's workers may get it. */
  #call(action: Action, id: string | undefined): Promise<number> {
    const url = new URL(action.url);
    const body = JSON.stringify(action.arguments);
    return new Promise((resolve, reject) => {
      const call = httpRequest({
        host: this.#proxyPort === undefined ? url.hostname : "127.0.0.1",
        port: this.#proxyPort ?? url.port,
        method: "POST",
        path: url.pathname + url.search,
        agent: false,
        headers: {
          host: url.host,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...(id === undefined ? {} : { "x-request-id": id }),
        },
      });
      call.once("error", reject);
      call.once("response", (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
        response.once("error", reject);
      });
      call.end(body);
    });
  }
}
