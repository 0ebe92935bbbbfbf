/**
 * A load generator: HTTP/1.1 over raw sockets that are kept alive, a fixed number of requests in flight.
 * Node's own client costs more than the Envoy under test; here a request is one write of bytes made before, and
 * an answer is recognised by its length, its first line and its body.
 */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** Requests as they go over the wire, with the body that must answer each. */
export interface LoadRequest {
  /** The request that is sent as this number, from 0. A run goes on where the one before has ended. */
  at: (number: number) => Buffer;
  /** Body of the only answer that counts as right; the status must be 200. */
  expected: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const OK = Buffer.from("HTTP/1.1 200 ");

/** What a connection does when nobody waits for it. */
function ignore(): void {
  // A connection between two bursts, or one that was closed on purpose.
}

/** One connection: sends a request, waits for its answer, sends the next. */
class Connection {
  private pending: Buffer | null = null;

  private constructor(
    private readonly socket: Socket,
    /** Called with the head and the body of each answer, or with what ended the connection. */
    public answered: (head: Buffer, body: Buffer) => void = ignore,
    public failed: (error: Error) => void = ignore,
  ) {
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.read(chunk));
    socket.on("error", (error) => this.failed(error));
    socket.on("close", () => this.failed(new Error("Envoy closed the connection")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port }, () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
      socket.once("error", reject);
    });
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  close(): void {
    this.failed = ignore;
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    const bytes = this.pending ? Buffer.concat([this.pending, chunk]) : chunk;
    this.pending = bytes;
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = /^content-length: (\d+)/im.exec(bytes.toString("latin1", 0, headEnd))?.[1];
    if (length === undefined) {
      this.failed(new Error("an answer without content-length"));
      return;
    }
    const bodyStart = headEnd + HEAD_END.length;
    const end = bodyStart + Number(length);
    if (bytes.length < end) return;
    if (bytes.length > end) {
      this.failed(new Error("an answer which nobody asked for"));
      return;
    }
    this.pending = null;
    this.answered(bytes.subarray(0, headEnd), bytes.subarray(bodyStart, end));
  }
}

/** What is wrong with an answer to such a request; null where it is right. */
function answerCheck(request: LoadRequest): (head: Buffer, body: Buffer) => Error | null {
  const expected = Buffer.from(request.expected);
  return (head, body) => {
    if (head.compare(OK, 0, OK.length, 0, OK.length) === 0 && body.equals(expected)) return null;
    const got = `${head.toString("latin1", 0, 40)} "${body.toString()}"`;
    return new Error(`expected "${request.expected}", got ${got}`);
  };
}

/** Some connections to one Envoy, kept for the whole run. */
export class LoadGenerator {
  /** How many requests were sent. */
  private sent = 0;

  private constructor(private readonly connections: readonly Connection[]) {}

  static async open(port: number, connections: number): Promise<LoadGenerator> {
    const opening = Array.from({ length: connections }, () => Connection.open(port));
    return new LoadGenerator(await Promise.all(opening));
  }

  /** Sends `count` requests; rejects at the first answer that is not a 200 with the expected body. */
  run(request: LoadRequest, count: number): Promise<void> {
    const wrong = answerCheck(request);
    const next = (): Buffer => request.at(this.sent++);
    return new Promise((resolve, reject) => {
      let unsent = count;
      let unanswered = count;
      for (const connection of this.connections) {
        connection.failed = reject;
        connection.answered = (head, body) => {
          const error = wrong(head, body);
          if (error) {
            reject(error);
            return;
          }
          unanswered--;
          if (unsent > 0) {
            unsent--;
            connection.send(next());
          } else if (unanswered === 0) resolve();
        };
        if (unsent > 0) {
          unsent--;
          connection.send(next());
        }
      }
      if (count === 0) resolve();
    });
  }

  /**
   * Sends `count` requests, `perSecond` of them evenly, however long the answers take: one that finds no connection free
   * waits for one, and its time counts from when it should have been sent. Answers each request's time in milliseconds;
   * rejects as {@link run} does.
   */
  pace(request: LoadRequest, count: number, perSecond: number): Promise<number[]> {
    const wrong = answerCheck(request);
    const times: number[] = [];
    const idle = [...this.connections];
    /** When those should have been sent that wait for a connection. */
    const waiting: number[] = [];
    return new Promise((resolve, reject) => {
      let sent = 0;
      const send = (connection: Connection, since: number): void => {
        connection.answered = (head, body) => {
          const error = wrong(head, body);
          if (error) {
            fail(error);
            return;
          }
          times.push(performance.now() - since);
          const next = waiting.shift();
          if (next !== undefined) send(connection, next);
          else idle.push(connection);
          if (times.length === count) resolve(times);
        };
        connection.send(request.at(this.sent++));
      };
      const begin = performance.now();
      const timer = setInterval(() => {
        const now = performance.now();
        for (; sent < count && begin + (sent * 1000) / perSecond <= now; sent++) {
          const connection = idle.pop();
          if (connection) send(connection, now);
          else waiting.push(now);
        }
        if (sent === count) clearInterval(timer);
      }, 1);
      const fail = (error: Error): void => {
        clearInterval(timer);
        reject(error);
      };
      for (const connection of this.connections) connection.failed = fail;
    });
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}

/** One request on a connection of its own; answers with status and header fields, names in lower case. */
export async function exchange(
  port: number,
  bytes: Buffer,
): Promise<{ status: number; headers: Map<string, string> }> {
  const connection = await Connection.open(port);
  try {
    const head = await new Promise<Buffer>((resolve, reject) => {
      connection.answered = resolve;
      connection.failed = reject;
      connection.send(bytes);
    });
    const [first = "", ...lines] = head.toString("latin1").split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    return { status: Number(first.split(" ")[1]), headers };
  } finally {
    connection.close();
  }
}
