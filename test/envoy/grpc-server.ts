/**
 * A gRPC server that plugins call, for any path, with messages as bytes: gRPC's own framing (a flag, a length of 4
 * bytes, the message) on HTTP/2.
 */
import {
  createServer,
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { GrpcExchange, GrpcHandler, Header } from "../driver.ts";
import { freePort } from "./process.ts";

/** `authority` is what the client calls the server. */
type Serve = (exchange: GrpcExchange, authority: string) => GrpcHandler;

/** As a server written in another language may do. (`sendDate` is missing in Node's types.) */
const NO_DATE = { sendDate: false };

/** A flag and a length. */
const PREFIX = 5;

export class GrpcServer {
  readonly port: number;
  readonly #server: Http2Server;
  readonly #sessions: ReadonlySet<ServerHttp2Session>;

  private constructor(server: Http2Server, port: number, sessions: ReadonlySet<ServerHttp2Session>) {
    this.#server = server;
    this.port = port;
    this.#sessions = sessions;
  }

  static async start(serve: Serve): Promise<GrpcServer> {
    const server = createServer();
    const sessions = new Set<ServerHttp2Session>();
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
      session.on("error", () => undefined);
    });
    server.on("stream", (stream, headers) => run(stream, headers, serve));
    const { port } = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return new GrpcServer(server, port, sessions);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function run(stream: ServerHttp2Stream, incoming: IncomingHttpHeaders, serve: Serve): void {
  const headers = Object.entries(incoming).flatMap(([name, values]): Header[] =>
    [values ?? []].flat().map((value): Header => [name, value]),
  );
  const exchange = new StreamExchange(stream, headers);
  const handler = serve(exchange, incoming[":authority"] ?? "");
  let rest = Buffer.alloc(0);
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX && rest.length >= PREFIX + rest.readUInt32BE(1)) {
      const end = PREFIX + rest.readUInt32BE(1);
      handler.onMessage?.(rest.subarray(PREFIX, end));
      rest = rest.subarray(end);
    }
  });
  stream.on("end", () => handler.onEnd?.());
}

class StreamExchange implements GrpcExchange {
  readonly path: string;
  readonly metadata: readonly Header[];
  readonly #stream: ServerHttp2Stream;
  #trailers: Header[] = [];
  #ended = false;

  constructor(stream: ServerHttp2Stream, headers: readonly Header[]) {
    this.#stream = stream;
    this.path = headers.find(([name]) => name === ":path")?.[1] ?? "";
    this.metadata = headers.filter(([name]) => !name.startsWith(":"));
  }

  sendMetadata(metadata: readonly Header[]): void {
    if (this.#stream.headersSent || this.#ended || this.#stream.destroyed) return;
    const headers = { ":status": 200, "content-type": "application/grpc", ...grouped(metadata) };
    this.#stream.respond(headers, { waitForTrailers: true, ...NO_DATE });
    this.#stream.on("wantTrailers", () => this.#stream.sendTrailers(grouped(this.#trailers)));
  }

  send(message: Uint8Array): void {
    if (this.#ended || this.#stream.destroyed) return;
    this.sendMetadata([]);
    const frame = Buffer.alloc(PREFIX + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX);
    this.#stream.write(frame);
  }

  end(status: number, message = "", trailers: readonly Header[] = []): void {
    if (this.#ended || this.#stream.destroyed) return;
    this.#ended = true;
    const last: Header[] = [["grpc-status", String(status)]];
    if (message !== "") last.push(["grpc-message", encodeURIComponent(message)]);
    last.push(...trailers);
    if (this.#stream.headersSent) {
      this.#trailers = last;
      this.#stream.end();
      return;
    }
    const headers = { ":status": 200, "content-type": "application/grpc", ...grouped(last) };
    this.#stream.respond(headers, { endStream: true, ...NO_DATE });
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  after(milliseconds: number, action: () => void): void {
    setTimeout(action, milliseconds).unref();
  }
}

/** Values by name, as Node has them. */
function grouped(headers: readonly Header[]): Record<string, string | string[]> {
  const byName: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const before = byName[name];
    byName[name] = before === undefined ? value : [before, value].flat();
  }
  return byName;
}
