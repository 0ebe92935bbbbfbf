/** A client's connection that carries HTTP: one request after another, behind the listener's network plugins. */
import type { HttpRequest } from "../driver.ts";
import { CloseType } from "./abi.ts";
import type { Connection, Terminal } from "./connection.ts";
import type { HttpStream } from "./stream.ts";

type StartStream = (request: HttpRequest, connection: Connection, ended?: () => void) => HttpStream;

/**
 * Network plugins see the connection come and go. They do not see its data: the host plays messages, and has no bytes of
 * HTTP. A plugin that stops at a new connection lets it come with the first request, as where it lets the first data pass.
 */
export class HttpConnection implements Terminal {
  readonly readsLate = false;
  private readonly connection: Connection;
  private readonly start: StartStream;
  private stream: HttpStream | null = null;

  constructor(connect: (terminal: Terminal) => Connection, start: StartStream) {
    this.start = start;
    this.connection = connect(this);
    this.connection.start();
  }

  /** Plays a request as far as it goes. Throws when a network plugin has closed the connection. */
  open(request: HttpRequest, ended?: () => void): HttpStream {
    this.connection.arrive();
    if (!this.connection.open) throw new Error("a network plugin closed the connection");
    this.stream = this.start(request, this.connection, ended);
    return this.stream;
  }

  /** The client goes. */
  close(): void {
    this.connection.close(CloseType.Remote);
  }

  // From the connection

  opened(): void {}

  read(): void {}

  closed(): void {
    this.stream?.resetStream("downstream_local_disconnect");
  }
}
