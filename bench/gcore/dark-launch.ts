/**
 * The dark launch on `@gcoredev/proxy-wasm-sdk-as`, as its users write filters: a root context, a context a
 * stream, `stream_context.headers.request`. The configuration is the name of the variant header.
 */
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class DarkLaunchRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new DarkLaunch(context_id, this);
  }
}

class DarkLaunch extends Context {
  constructor(context_id: u32, root_context: DarkLaunchRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const variant = request.get("x-beta-user") == "true" ? "v2" : "v1";
    request.replace(this.root_context.getConfiguration(), variant);
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new DarkLaunchRoot(context_id);
}, "dark_launch");
