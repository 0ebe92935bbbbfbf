/** What stands behind the network plugins of a connection that is passed on to a server (Envoy `source/common/tcp_proxy`). */
import type { TcpServer } from "../driver.ts";
import { CloseType } from "./abi.ts";
import { concatBytes, NO_BYTES } from "./bytes.ts";
import type { Connection, Terminal } from "./connection.ts";
import { Body } from "./context.ts";

export class TcpProxy implements Terminal {
  readonly readsLate = true;
  /** Set before the connection is started. */
  declare connection: Connection;
  /** What arrived at the server; null while there is no connection to it. */
  server: Uint8Array | null = null;
  /** What arrived at the client. */
  client: Uint8Array = NO_BYTES;
  private readonly answer: TcpServer;
  /** What the server said and no plugin has let pass yet. */
  private readonly pending = new Body();
  private serverEnded = false;
  private clientEnded = false;

  constructor(answer: TcpServer) {
    this.answer = answer;
  }

  opened(): void {
    this.server = NO_BYTES;
  }

  read(body: Body, end: boolean): void {
    const { bytes } = body;
    body.bytes = NO_BYTES;
    this.clientEnded ||= end;
    if (bytes.length > 0 && !this.serverEnded) {
      this.server = concatBytes(this.server ?? NO_BYTES, bytes);
      const answer = this.answer(bytes);
      if (answer === "close") this.write(NO_BYTES, true);
      else if (answer !== null && answer.length > 0) this.write(answer, false);
    }
    if (end) this.write(NO_BYTES, true);
  }

  closed(): void {}

  private write(bytes: Uint8Array, end: boolean): void {
    if (this.serverEnded) {
      // Both sides have ended, this one at last.
      this.connection.close(CloseType.Remote);
      return;
    }
    this.serverEnded = end;
    this.pending.move(new Body(bytes));
    const passed = this.connection.write(this.pending, end);
    if (passed) {
      this.client = concatBytes(this.client, this.pending.bytes);
      this.pending.bytes = NO_BYTES;
    }
    if (!end) return;
    if (this.clientEnded) this.connection.close(CloseType.Local);
    // The client ends when it sees that the server has.
    else if (passed) this.connection.receive(NO_BYTES, true);
  }
}
