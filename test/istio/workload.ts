/** An application of the mesh: an HTTP server which answers with what it was asked, unless it is told otherwise. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

/** What {@link Workload} answers in JSON. */
export interface Echo extends Received {
  workload: string;
}

export class Workload {
  /** All requests that have arrived. */
  readonly received: Received[] = [];
  /** Answers a request itself, or answers false for the echo. */
  onRequest: (received: Received, response: ServerResponse) => boolean = () => false;
  readonly #server: Server;

  private constructor(
    server: Server,
    readonly name: string,
    readonly address: string,
    readonly port: number,
  ) {
    this.#server = server;
  }

  static async start(name: string, address: string, port: number): Promise<Workload> {
    const server = createServer({ keepAliveTimeout: 0 });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
    const workload = new Workload(server, name, address, port);
    server.on("request", (request, response) => {
      const { method = "", url: path = "", headers } = request;
      const received = { method, path, headers };
      workload.received.push(received);
      request.resume();
      if (workload.onRequest(received, response)) return;
      const echo: Echo = { workload: name, ...received };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(echo));
    });
    return workload;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
