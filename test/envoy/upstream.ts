/** The upstream behind the Envoy under test: an HTTP/1.1 server that records what arrives, byte for byte. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Header, UpstreamReply, UpstreamRequest } from "../driver.ts";
import { FRAMING } from "./http1.ts";
import { freePort } from "./process.ts";

export type Answerer = (request: UpstreamRequest) => UpstreamReply;

export class Upstream {
  readonly port: number;
  /** Called for each request that arrives. Requests are played one at a time, so one is enough. */
  onRequest: Answerer = () => ({});
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<Upstream> {
    const options = {
      maxHeaderSize: 512 * 1024,
      insecureHTTPParser: true,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    };
    const server = createServer(options);
    server.maxHeadersCount = 0;
    const { port } = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    const upstream = new Upstream(server, port);
    server.on("request", (request, response) => void upstream.#serve(request, response));
    return upstream;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const reply = this.onRequest(record(request, Buffer.concat(chunks)));
      answer(response, request.method ?? "", reply);
    } catch (error) {
      // The exchange's own end (a reset stream, a closed listener) shows in its response.
      response.destroy(error instanceof Error ? error : undefined);
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** The request as it arrived. */
export function record(request: IncomingMessage, body: Buffer): UpstreamRequest {
  const pairs = pairUp(request.rawHeaders);
  const authority = pairs.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
  const others = pairs.filter(([name]) => name.toLowerCase() !== "host" && !FRAMING.has(name.toLowerCase()));
  return {
    headers: [
      [":method", request.method ?? ""],
      [":path", request.url ?? ""],
      [":authority", authority],
      ...others,
    ],
    body,
    trailers: pairUp(request.rawTrailers),
  };
}

/** Sends the reply. */
export function answer(response: ServerResponse, method: string, reply: UpstreamReply): void {
  const status = reply.status ?? 200;
  const body = Buffer.from(reply.body ?? []);
  const headers = (reply.headers ?? []).flat();
  const trailers = reply.trailers ?? [];
  const names = new Set((reply.headers ?? []).map(([name]) => name.toLowerCase()));
  const bodyless = status === 204 || status === 304 || status < 200;
  if (trailers.length > 0 && !bodyless)
    headers.push("transfer-encoding", "chunked", "trailer", trailers.map(([name]) => name).join(", "));
  else if (!bodyless && !names.has("content-length") && !names.has("transfer-encoding"))
    headers.push("content-length", String(body.length));
  response.sendDate = false;
  response.writeHead(status, headers);
  if (trailers.length > 0)
    response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  if (bodyless || method === "HEAD") response.end();
  else response.end(body);
}

function pairUp(raw: readonly string[]): Header[] {
  const pairs: Header[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!]);
  return pairs;
}
