/** `build/outrigger.wasm`: all filters in one module, so that they share one VM per worker. The root id chooses. */
import { registerFilter } from "../assembly/filter-root";
import { registerSuite } from "../assembly/suite";
import { Authz } from "./authz/filter";
import { DarkLaunch } from "./dark-launch/filter";
import { GlobalRateLimit } from "./global-rate-limit/filter";
import { LocalRateLimit } from "./local-rate-limit/filter";
import { TracePropagation } from "./trace-propagation/filter";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_http_call_response,
  proxy_on_log,
  proxy_on_memory_allocate,
  proxy_on_new_connection,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../assembly/abi/exports";

registerFilter("dark-launch", () => new DarkLaunch());
registerFilter("local-rate-limit", () => new LocalRateLimit());
registerFilter("global-rate-limit", () => new GlobalRateLimit());
registerFilter("trace-propagation", () => new TracePropagation());
registerFilter("authz", () => new Authz());
registerSuite();
