export * from "../../../assembly/proxy-runtime/proxy";
import {
  RootContext,
  Context,
  BaseContext,
  registerRootContext,
  log,
  LogLevelValues,
  FilterHeadersStatusValues,
  FilterDataStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  Headers,
  WasmResultValues,
  stream_context,
  send_local_response,
  continue_request,
  get_buffer_bytes,
  BufferTypeValues,
} from "../../../assembly/proxy-runtime";

/** Asks a service, whose cluster is the plugin's configuration, about each request, and lets it pass on a 200. */
class AuthRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new Auth(context_id, this);
  }
}

class Auth extends Context {
  allow: bool = false;

  constructor(context_id: u32, root_context: AuthRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    const result = this.root_context.httpCall(
      this.root_context.getConfiguration(),
      headersToAsk(),
      new ArrayBuffer(0),
      [],
      1000,
      // Comes back in the callback, since there are no closures.
      this,
      (origin_context: BaseContext, headers: u32, body_size: usize, _trailers: u32) => {
        const auth = origin_context as Auth;
        // No headers: the call failed.
        const allowed = headers != 0 && stream_context.headers.http_callback.get(":status") == "200";
        const body = String.UTF8.decode(
          get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, body_size as u32),
        );
        log(LogLevelValues.info, "auth answered: " + body);
        if (allowed) {
          auth.allow = true;
          stream_context.headers.request.add("added-header", "authorized");
          continue_request();
        } else {
          send_local_response(
            401,
            "not authorized",
            String.UTF8.encode("denied: " + body),
            [],
            GrpcStatusValues.Unauthenticated,
          );
        }
      },
    );

    if (result != WasmResultValues.Ok) {
      log(LogLevelValues.warn, "auth could not be called: " + result.toString());
      send_local_response(500, "internal server error", new ArrayBuffer(0), [], GrpcStatusValues.Internal);
    }
    return FilterHeadersStatusValues.StopIteration;
  }

  onRequestBody(_body_buffer_length: usize, _end_of_stream: bool): FilterDataStatusValues {
    return this.allow ? FilterDataStatusValues.Continue : FilterDataStatusValues.StopIterationAndWatermark;
  }

  onRequestTrailers(_trailers: u32): FilterTrailersStatusValues {
    return this.allow ? FilterTrailersStatusValues.Continue : FilterTrailersStatusValues.StopIteration;
  }

  onResponseHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("hello", "wasm!");
    return FilterHeadersStatusValues.Continue;
  }
}

/** The service decides by the request's own headers. It gets no body, and would wait for one of the length that they tell. */
function headersToAsk(): Headers {
  const all = stream_context.headers.request.get_headers();
  const headers: Headers = [];
  for (let at = 0; at < all.length; at++) {
    if (String.UTF8.decode(all[at].key) != "content-length") headers.push(all[at]);
  }
  return headers;
}

registerRootContext((context_id: u32) => {
  return new AuthRoot(context_id);
}, "auth");
