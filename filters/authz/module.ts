import { registerFilter } from "../../assembly/filter-root";
import { Authz } from "./filter";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_new_connection,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../../assembly/abi/exports";

registerFilter("authz", () => new Authz());
