/**
 * The dark launch on `@gcoredev/proxy-wasm-sdk-as`, as its users write filters: a root context, a context a
 * stream, `stream_context.headers.request`. Plugins in one VM get each other's configuration from this SDK (seen with
 * 1.2.3), so the name of the variant header is taken from the order of the chain.
 */
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

const names: string[] = [];
for (let copy = 1; copy <= 8; copy++) names.push("x-variant-" + copy.toString());
let next = 0;

function nextName(): string {
  const name = names[next];
  next = (next + 1) % names.length;
  return name;
}

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
    request.replace(nextName(), variant);
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new DarkLaunchRoot(context_id);
}, "dark_launch");
