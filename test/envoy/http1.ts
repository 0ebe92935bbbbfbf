/**
 * An HTTP/1.1 client that sends exactly what it is told: spelling, duplicates, any byte. Node's own client
 * refuses control bytes and rearranges, and what Envoy makes of such requests is what some tests are about.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Header, HttpRequest, HttpResponse } from "../driver.ts";

/** The response, and the local port of the connection it came on. */
export interface Answer {
  response: HttpResponse;
  localPort: number;
}

/** Header fields that frame a message on one connection and say nothing to the application. */
export const FRAMING: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding"]);

/**
 * A connection for {@link send}; to be destroyed by who made it. With `tls` over TLS, to a server whose certificate
 * is of the `ca` there. `from` is the client's own address and `host` the server's, both of 127.0.0.0/8.
 */
export function dial(port: number, tls?: ConnectionOptions, from = "127.0.0.1", host = "127.0.0.1"): Socket {
  const to = { host, port, noDelay: true, localAddress: from };
  // The proxy has a SPIFFE id for a name, and no host's.
  return tls ? connectTls({ ...to, ...tls, checkServerIdentity: () => undefined }) : connect(to);
}

/** Sends a request on a connection where none is under way, and reads its response. `timeout` is in milliseconds. */
export function send(socket: Socket, request: HttpRequest, timeout: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let localPort = 0;
    const timer = setTimeout(() => fail(new Error(`no response within ${timeout} ms`)), timeout);
    const leave = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ response: { status: 0, headers: [], body: new Uint8Array(), trailers: [] }, localPort });
    };
    const leaving = request.abortAfter === undefined ? undefined : setTimeout(leave, request.abortAfter);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      clearTimeout(leaving);
      socket.destroy();
      reject(error);
    };
    const tryParse = (ended: boolean): void => {
      let response: HttpResponse | null;
      try {
        response = parseResponse(received, request.method, ended);
      } catch (error) {
        return fail(error as Error);
      }
      if (response === null) {
        if (ended)
          fail(
            new Error(
              `the connection ended inside the response: ${received.toString("latin1").slice(0, 200)}`,
            ),
          );
        return;
      }
      clearTimeout(timer);
      clearTimeout(leaving);
      socket.off("data", take).off("end", end).removeAllListeners("error");
      // What comes when nobody waits any more, such as a reset.
      socket.on("error", () => {});
      resolve({ response, localPort });
    };
    const write = (): void => {
      localPort = socket.localPort ?? 0;
      socket.write(serialize(request));
    };
    if (socket.connecting) socket.once("connect", write);
    else write();
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      tryParse(false);
    };
    const end = (): void => tryParse(true);
    socket.on("data", take);
    socket.on("end", end);
    socket.on("error", (error: Error) => {
      // Envoy may answer and close while a long request is still being written.
      if (received.length > 0) tryParse(true);
      else fail(error);
    });
  });
}

function serialize(request: HttpRequest): Buffer {
  const headers = request.headers ?? [];
  const has = (name: string): boolean => headers.some(([other]) => other.toLowerCase() === name);
  const lines = [`${request.method} ${request.path} HTTP/1.1`];
  lines.push(`Host: ${request.authority ?? "example.test"}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const trailers = request.trailers ?? [];
  const chunked = trailers.length > 0 && !has("content-length");
  const body = Buffer.from(request.body ?? []);
  if (chunked) {
    if (!has("transfer-encoding")) lines.push("Transfer-Encoding: chunked");
  } else if (request.body !== undefined && !has("content-length") && !has("transfer-encoding")) {
    lines.push(`Content-Length: ${body.length}`);
  }
  const parts = [Buffer.from(lines.join("\r\n") + "\r\n\r\n", "latin1")];
  if (chunked) {
    if (body.length > 0)
      parts.push(Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n"));
    parts.push(
      Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`, "latin1"),
    );
  } else {
    parts.push(body);
  }
  return Buffer.concat(parts);
}

/** Null when more bytes are needed. */
function parseResponse(bytes: Buffer, method: string, ended: boolean): HttpResponse | null {
  for (;;) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return null;
    const [statusLine = "", ...fields] = bytes.subarray(0, end).toString("latin1").split("\r\n");
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? NaN);
    if (Number.isNaN(status)) throw new Error(`not an HTTP/1.1 response: ${statusLine.slice(0, 100)}`);
    const rest = bytes.subarray(end + 4);
    if (status < 200 && status !== 101) {
      bytes = rest;
      continue;
    }
    const headers = fields.map(parseField);
    const value = (name: string): string | undefined =>
      headers.find(([other]) => other.toLowerCase() === name)?.[1];
    const response = (body: Uint8Array, trailers: Header[]): HttpResponse => ({
      status,
      headers: headers.filter(([name]) => !FRAMING.has(name.toLowerCase())),
      body,
      trailers,
    });
    if (method === "HEAD" || status === 101 || status === 204 || status === 304)
      return response(new Uint8Array(), []);
    if (value("transfer-encoding")?.toLowerCase() === "chunked") {
      const parsed = parseChunks(rest);
      return parsed && response(parsed.body, parsed.trailers);
    }
    const length = value("content-length");
    if (length === undefined) return ended ? response(rest, []) : null;
    return rest.length >= Number(length) ? response(rest.subarray(0, Number(length)), []) : null;
  }
}

function parseChunks(bytes: Buffer): { body: Buffer; trailers: Header[] } | null {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return null;
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  const trailers: Header[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    if (lineEnd === at) return { body: Buffer.concat(chunks), trailers };
    trailers.push(parseField(bytes.subarray(at, lineEnd).toString("latin1")));
    at = lineEnd + 2;
  }
}

function parseField(line: string): Header {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
}
