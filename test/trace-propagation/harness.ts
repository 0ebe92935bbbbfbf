/**
 * What the W3C's test harness for Trace Context is to a service: it calls it, and is who the service is told
 * to call (github.com/w3c/trace-context, `test/server.py`).
 */
import type { Header, UpstreamRequest } from "../driver.ts";
import { HttpServer } from "../envoy/http-server.ts";
import { dial, send } from "../envoy/http1.ts";
import type { Action } from "./forwarding-service.ts";
import type { Sidecar } from "./sidecar.ts";
import type { Observed, Subject } from "./w3c-cases.ts";

/** Milliseconds until the service must have answered. */
const TIMEOUT = 10_000;

export class Harness implements Subject {
  private constructor(
    private readonly sidecar: Sidecar,
    private readonly server: HttpServer,
    /** What has been called, by path. */
    private readonly callbacks: Map<string, UpstreamRequest[]>,
  ) {}

  static async start(sidecar: Sidecar): Promise<Harness> {
    const callbacks = new Map<string, UpstreamRequest[]>();
    const server = await HttpServer.start((request) => {
      callbacks.get(pathOf(request))?.push(request);
      return {};
    });
    return new Harness(sidecar, server, callbacks);
  }

  async stop(): Promise<void> {
    await this.server.close();
  }

  /** The service calls the harness so many times. */
  async call(headers: readonly Header[], calls: number): Promise<Observed> {
    const path = this.newPath();
    const called = await this.ask(path, headers, this.actions(path, calls));
    return { service: this.received(path)[0]!, calls: called };
  }

  /** The service calls itself, and then the harness so many times. Answers both of the service's requests. */
  async callItself(headers: readonly Header[], calls: number): Promise<[first: Observed, second: Observed]> {
    const path = this.newPath();
    const itself = `http://127.0.0.1:${this.sidecar.inboundPort}${path}`;
    const called = await this.ask(path, headers, [{ url: itself, arguments: this.actions(path, calls) }]);
    const [first, second] = this.received(path);
    return [
      { service: first!, calls: [second!] },
      { service: second!, calls: called },
    ];
  }

  /** A path by which one request is known from others, to the service as well as to the harness. */
  private newPath(): string {
    const path = `/${this.callbacks.size + 1}`;
    this.callbacks.set(path, []);
    return path;
  }

  private actions(path: string, calls: number): Action[] {
    const url = `http://127.0.0.1:${this.server.port}${path}`;
    return Array.from({ length: calls }, () => ({ url, arguments: [] }));
  }

  /** Answers the headers of the calls that the harness got. */
  private async ask(
    path: string,
    headers: readonly Header[],
    actions: readonly Action[],
  ): Promise<(readonly Header[])[]> {
    const socket = dial(this.sidecar.inboundPort);
    const request = {
      method: "POST",
      path,
      headers: [["content-type", "application/json"], ...headers] as const,
      body: Buffer.from(JSON.stringify(actions)),
    };
    try {
      const { response } = await send(socket, request, TIMEOUT);
      if (response.status !== 200)
        throw new Error(`the service answered ${response.status}: ${Buffer.from(response.body).toString()}`);
    } finally {
      socket.destroy();
    }
    return this.callbacks.get(path)!.map((call) => call.headers);
  }

  /** The headers of the requests that the service got. */
  private received(path: string): (readonly Header[])[] {
    return this.sidecar.service.received
      .filter((request) => pathOf(request) === path)
      .map(({ headers }) => headers);
  }
}

function pathOf({ headers }: UpstreamRequest): string {
  return headers.find(([name]) => name === ":path")?.[1] ?? "";
}
