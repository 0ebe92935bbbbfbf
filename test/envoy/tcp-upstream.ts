/** The server behind listeners of plain TCP. */
import { createServer, type Server, type Socket } from "node:net";
import type { TcpServer } from "../driver.ts";
import { freePort } from "./process.ts";

export class TcpUpstream {
  readonly port: number;
  /** What arrived since it was set to null; null while nobody connected. Connections are played one at a time, so one is enough. */
  received: Uint8Array | null = null;
  answer: TcpServer = () => null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<TcpUpstream> {
    // It ends a connection when the other side has.
    const server = createServer({ allowHalfOpen: false, noDelay: true });
    const { port } = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    const upstream = new TcpUpstream(server, port);
    server.on("connection", (socket) => upstream.#serve(socket));
    return upstream;
  }

  #serve(socket: Socket): void {
    this.received ??= new Uint8Array();
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // The exchange's own end shows what happened.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received ?? new Uint8Array(), chunk]);
      const answer = this.answer(chunk);
      if (answer === "close") socket.end();
      else if (answer !== null) socket.write(answer);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
