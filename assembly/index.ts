/**
 * What a developer's own filter imports. The module's entry also re-exports the callbacks that it uses from
 * `assembly/abi/exports`.
 */
export { Context, registerRootContext, RootContext } from "./context";
export { HeaderPair, stream_context } from "./stream-context";
export * from "./abi/values";
export { log, logs } from "./host/log";
export { now, monotonicNow, setTickPeriod } from "./host/clock";
export { send_local_response } from "./local-response";
export { sendLocalResponse, continueRequest, continueResponse } from "./host/local-response";
