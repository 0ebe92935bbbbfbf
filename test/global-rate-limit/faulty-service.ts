/** A rate limit service that answers as wrongly as it is told to, down to HTTP/2's frames. */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { encodeResponse } from "../../cli/ratelimit-service/messages.ts";
import { freePort } from "../envoy/process.ts";
import { allowed, denied } from "./service.ts";

/** What a service does with a call. */
export type Behaviour = (stream: ServerHttp2Stream) => void;

export class FaultyService {
  /** May be changed at any time. */
  behaviour: Behaviour = answers;

  private constructor(
    private readonly server: Http2Server,
    readonly port: number,
    private readonly sessions: ReadonlySet<ServerHttp2Session>,
  ) {}

  static async start(): Promise<FaultyService> {
    const server = createServer();
    const sessions = new Set<ServerHttp2Session>();
    const { port } = await freePort();
    const service = new FaultyService(server, port, sessions);
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
      session.on("error", () => undefined);
    });
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.on("end", () => service.behaviour(stream));
      stream.resume();
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return service;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

const OK = encodeResponse(allowed());
const OVER_LIMIT = encodeResponse(denied());
let answered = 0;

/** As it should: every fourth request is over its limit. */
export const answers: Behaviour = (stream) => respond(stream, framed(++answered % 4 === 0 ? OVER_LIMIT : OK));

/** The same, after so many milliseconds. */
export const answersAfter =
  (milliseconds: number): Behaviour =>
  (stream) =>
    void setTimeout(() => answers(stream), milliseconds).unref();

/** Bytes that are no message, in a frame that is one. */
export const answersGarbage: Behaviour = (stream) => {
  const bytes = Buffer.from(
    Array.from({ length: Math.floor(Math.random() * 300) }, () => Math.random() * 256),
  );
  // The first field has no number: a message never begins so.
  respond(stream, framed(Buffer.concat([Buffer.from([0x07]), bytes])));
};

/** A frame that promises more than comes, with a good status after it. */
export const answersHalf: Behaviour = (stream) => respond(stream, framed(OK).subarray(0, 5 + OK.length / 2));

export const answersWithStatus =
  (status: number): Behaviour =>
  (stream) =>
    respond(stream, Buffer.alloc(0), status);

/** Not gRPC at all. */
export const answersHttp: Behaviour = (stream) => {
  if (stream.destroyed) return;
  stream.respond({ ":status": 503, "content-type": "text/html" });
  stream.end("<h1>Service Unavailable</h1>");
};

export const resets: Behaviour = (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR);

/** All calls of the connection are lost. */
export const breaksConnection: Behaviour = (stream) => stream.session?.destroy();

/** gRPC's frame: a flag, a length of 4 bytes, the message. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

function respond(stream: ServerHttp2Stream, body: Buffer, status = 0): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(status) }));
  stream.end(body);
}
