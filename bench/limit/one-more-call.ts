/** {@link same-calls}, and a look at one header more by a host call of its own: what such a call costs. */
export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_response_headers,
  proxy_on_tick,
} from "./same-calls";
import { lookUp } from "./host";
import { proxy_on_request_headers as sameCalls } from "./same-calls";

export function proxy_on_request_headers(context: u32, count: u32, endOfStream: u32): u32 {
  const status = sameCalls(context, count, endOfStream);
  lookUp();
  return status;
}
