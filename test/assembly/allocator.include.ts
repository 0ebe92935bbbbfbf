/** A mock of a host function can only call what the module exports. */
export { proxy_on_memory_allocate } from "../../assembly/abi/exports";
