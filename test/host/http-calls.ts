/**
 * HTTP calls of a root context (`Context::httpCall` in Envoy's `wasm/context.cc`, and behind it `AsyncClient` and the router).
 * What goes wrong on the way is answered by Envoy's router as if it were the server: 503 and 504 with a short text.
 */
import type { CallAnswer, Cluster, Fault, Header, UpstreamRequest } from "../driver.ts";
import { CallKind, WasmResult } from "./abi.ts";
import { bytesOf, NO_BYTES } from "./bytes.ts";
import type { RootContext } from "./context.ts";
import { HeaderMap, lowerCaseName } from "./header-map.ts";

/** A call that was sent has a token; one that was not, says why. */
export type Sent = { readonly result: WasmResult } | { readonly result: WasmResult; readonly token: number };

interface Message {
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap | null;
}

const CONNECTION_FAILURE = "upstream connect error or disconnect/reset before headers. ";

export class HttpCalls {
  private readonly root: RootContext;
  /** What ends each open call: its answer, or its timeout. */
  private readonly open = new Map<number, { cancel: (() => void)[] }>();
  private answer: Message | null = null;

  constructor(root: RootContext) {
    this.root = root;
  }

  /** Of the answer whose callback runs, or null. */
  get headers(): HeaderMap | null {
    return this.answer?.headers ?? null;
  }

  get trailers(): HeaderMap | null {
    return this.answer?.trailers ?? null;
  }

  get body(): { readonly bytes: Uint8Array } | null {
    return this.answer === null ? null : { bytes: this.answer.body };
  }

  /** `headers` and `trailers` are `[name0, value0, ..]`; `timeout` is in milliseconds, 0 for none. */
  send(
    name: string,
    headers: readonly string[],
    body: Uint8Array,
    trailers: readonly string[],
    timeout: number,
  ): Sent {
    const { vm } = this.root;
    const cluster = vm.services.clusters.get(name);
    if (timeout < 0 || cluster === undefined) return { result: WasmResult.BadArgument };
    const map = mapOf(headers);
    if (!map.has(":path") || !map.has(":method") || !map.has(":authority")) {
      return { result: WasmResult.BadArgument };
    }
    if (body.length > 0) map.replace("content-length", String(body.length));
    const token = vm.allocateCallToken(CallKind.Http);
    this.open.set(token, { cancel: [] });
    if (timeout > 0) {
      this.later(token, timeout, () => this.finish(token, fromRouter(504, "upstream request timeout")));
    }
    this.later(token, 0, () =>
      this.arrive(token, cluster, { headers: arrived(map), body, trailers: pairsOf(trailers) }),
    );
    return { result: WasmResult.Ok, token };
  }

  /** The root context goes, and its calls with it: nobody is told. */
  cancelAll(): void {
    for (const call of this.open.values()) for (const cancel of call.cancel) cancel();
    this.open.clear();
  }

  /** The request is at the cluster. */
  private arrive(token: number, cluster: Cluster, request: UpstreamRequest): void {
    if (cluster === "refuse") {
      const reason = "reset reason: remote connection failure";
      this.finish(token, fromRouter(503, CONNECTION_FAILURE + reason));
      return;
    }
    const answer = "http" in cluster ? cluster.http(request) : "garbage";
    if (typeof answer === "string") this.fail(token, answer);
    else this.later(token, answer.after ?? 0, () => this.finish(token, messageOf(answer)));
  }

  private fail(token: number, fault: Fault): void {
    if (fault === "silence") return;
    if (fault === "cut") {
      this.finish(token, null);
      return;
    }
    const reason = fault === "reset" ? "connection termination" : "protocol error";
    const status = fault === "reset" ? 503 : 502;
    this.finish(token, fromRouter(status, `${CONNECTION_FAILURE}reset reason: ${reason}`));
  }

  /** Null: the answer broke off. */
  private finish(token: number, message: Message | null): void {
    const call = this.open.get(token);
    if (call === undefined) return;
    for (const cancel of call.cancel) cancel();
    this.open.delete(token);
    const { root } = this;
    this.answer = message;
    if (message === null) {
      root.statusCode = WasmResult.BrokenConnection;
      root.statusMessage = "reset";
    }
    const sizes = [message?.headers.size ?? 0, message?.body.length ?? 0, message?.trailers?.size ?? 0];
    root.vm.call("on_http_call_response", root, [root.id, token, ...sizes], () => {
      // Before what the module deferred: to continue a stream, say.
      this.answer = null;
      root.statusMessage = "";
    });
    this.answer = null;
    root.statusMessage = "";
  }

  private later(token: number, milliseconds: number, action: () => void): void {
    const delay = BigInt(Math.round(milliseconds * 1e6));
    this.open.get(token)?.cancel.push(this.root.vm.services.clock.schedule(delay, action));
  }
}

function mapOf(flat: readonly string[]): HeaderMap {
  const map = new HeaderMap("request");
  for (let i = 0; i < flat.length; i += 2) map.add(flat[i]!, flat[i + 1]!);
  return map;
}

function pairsOf(flat: readonly string[]): Header[] {
  const pairs: Header[] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([lowerCaseName(flat[i]!), flat[i + 1]!]);
  return pairs;
}

/** As an HTTP/1.1 server sees it. */
function arrived(map: HeaderMap): Header[] {
  const headers: Header[] = [];
  for (const name of [":method", ":path", ":authority"]) headers.push([name, map.getFirst(name) ?? ""]);
  for (const entry of map.entries()) if (!entry[0].startsWith(":")) headers.push(entry);
  return headers;
}

function messageOf(reply: CallAnswer): Message {
  const headers = new HeaderMap("response");
  headers.add(":status", String(reply.status ?? 200));
  for (const [name, value] of reply.headers ?? []) headers.add(name, value);
  const body = reply.body ?? NO_BYTES;
  const trailers = reply.trailers ?? [];
  if (trailers.length === 0 && !headers.has("content-length"))
    headers.add("content-length", String(body.length));
  headers.add("x-envoy-upstream-service-time", String(reply.after ?? 0));
  return {
    headers,
    body,
    trailers: trailers.length === 0 ? null : HeaderMap.of("responseTrailers", trailers),
  };
}

/** What Envoy's router says in the server's place. */
function fromRouter(status: number, text: string): Message {
  const headers = new HeaderMap("response");
  headers.add(":status", String(status));
  headers.add("content-length", String(text.length));
  headers.add("content-type", "text/plain");
  return { headers, body: bytesOf(text), trailers: null };
}
