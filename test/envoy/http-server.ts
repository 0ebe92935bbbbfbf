/** An HTTP/1.1 server that plugins call: it answers, late if told so, or does what a broken one does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { CallAnswer, Fault, UpstreamRequest } from "../driver.ts";
import { freePort } from "./process.ts";
import { answer, record } from "./upstream.ts";

/** Milliseconds in which what was sent before a cut arrives. */
const CUT_AFTER = 20;

export class HttpServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(decide: (request: UpstreamRequest) => CallAnswer | Fault): Promise<HttpServer> {
    const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 });
    server.on("request", (request, response) => void serve(request, response, decide));
    const { port } = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return new HttpServer(server, port);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  decide: (request: UpstreamRequest) => CallAnswer | Fault,
): Promise<void> {
  const chunks: Buffer[] = [];
  // Envoy may give the call up while it is sending it.
  request.on("error", () => undefined);
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return;
  }
  const decision = decide(record(request, Buffer.concat(chunks)));
  if (decision === "silence") return;
  if (decision === "reset") request.socket.resetAndDestroy();
  else if (decision === "cut") {
    response.writeHead(200, { "content-length": "100" });
    response.write("the beginning", () => setTimeout(() => request.socket.resetAndDestroy(), CUT_AFTER));
  } else if (decision === "garbage") request.socket.end("this is no HTTP\r\n\r\n");
  else if ((decision.after ?? 0) === 0) answer(response, request.method ?? "", decision);
  else setTimeout(() => answer(response, request.method ?? "", decision), decision.after).unref();
}
