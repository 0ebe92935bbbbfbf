export * from "../../../assembly/proxy-runtime/proxy";
import {
  RootContext,
  Context,
  BaseContext,
  registerRootContext,
  Headers,
  makeHeaderPair,
  log,
  BufferTypeValues,
  LogLevelValues,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  WasmResultValues,
  stream_context,
  send_local_response,
  set_tick_period_milliseconds,
  get_buffer_bytes,
  set_shared_data,
  get_shared_data,
} from "../../../assembly/proxy-runtime";

/** Fetches a token once a second from the cluster that its configuration names, and shares it with all workers. */
class Fetcher extends RootContext {
  onConfigure(configuration_size: u32): bool {
    super.onConfigure(configuration_size);
    set_tick_period_milliseconds(1000);
    return true;
  }

  onTick(): void {
    const headers: Headers = [];
    headers.push(makeHeaderPair(":path", "/fetch"));
    headers.push(makeHeaderPair(":method", "GET"));
    headers.push(makeHeaderPair(":authority", "tokens"));
    this.httpCall(
      this.getConfiguration(),
      headers,
      new ArrayBuffer(0),
      [],
      1000,
      this,
      (_origin_context: BaseContext, _headers: u32, body_size: usize, _trailers: u32) => {
        const token = get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, body_size as u32);
        set_shared_data("token", token);
        log(LogLevelValues.info, "fetched " + token.byteLength.toString() + " bytes");
      },
    );
  }
}

/** Lets requests pass that carry the token. */
class TokenRoot extends RootContext {
  token: string = "";

  createContext(context_id: u32): Context {
    return new Token(context_id, this);
  }

  onConfigure(_configuration_size: u32): bool {
    set_tick_period_milliseconds(1000);
    return true;
  }

  onTick(): void {
    const data = get_shared_data("token");
    if (data.result != WasmResultValues.Ok) return;
    const token = data.value;
    if (token == null || token.byteLength == 0) return;
    this.token = String.UTF8.decode(token);
  }
}

class Token extends Context {
  constructor(context_id: u32, root_context: TokenRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    const root_context = this.root_context as TokenRoot;
    const token = stream_context.headers.request.get("x-auth");
    if (token != "" && token == root_context.token) return FilterHeadersStatusValues.Continue;
    send_local_response(401, "not authorized", new ArrayBuffer(0), [], GrpcStatusValues.Unauthenticated);
    return FilterHeadersStatusValues.StopIteration;
  }
}

registerRootContext((context_id: u32) => {
  return new TokenRoot(context_id);
}, "auth");
registerRootContext((context_id: u32) => {
  return new Fetcher(context_id);
}, "auth_singleton");
