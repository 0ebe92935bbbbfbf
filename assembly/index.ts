/**
 * What a developer's own filter imports. The module's entry also re-exports the callbacks that it uses from
 * `assembly/abi/exports`. `docs/writing-a-filter.md` shows how.
 */

// A filter as a value: no allocation on the request path, alone or in a suite.
export { Filter, keepRecords, reply, Verdict } from "./filter";
export { registerFilter } from "./filter-root";
export { registerSuite } from "./suite";
export { RequestView } from "./request-view";
export { ResponseView } from "./response-view";
export { keepParking, park, wakeParked } from "./parking";
export { CallAnswer, callGrpc, callGrpcInBackground, callHttp, keepAsking } from "./waiting";
export { HeaderView } from "./header-view";
export { ConfigReader } from "./json/config-reader";
export { JsonKind, JsonNode } from "./json/node";
export { readRequestMatch, RequestMatcher } from "./match/request-match";
export { readStringMatch, StringMatcher } from "./match/string-match";
export { RuleIndex } from "./match/rule-index";

// Contexts in the manner of `@solo-io/proxy-runtime`.
export { Context, registerRootContext, RootContext } from "./context";
export { HttpCallback } from "./context-calls";
export { HeaderPair, stream_context } from "./stream-context";
export { send_local_response } from "./local-response";

// Host functions.
export * from "./abi/values";
export * from "./bytes/bytes";
export { ProtobufReader, ProtobufWriter, Wire } from "./bytes/protobuf";
export * from "./host/buffers";
export * from "./host/clock";
export * from "./host/compression";
export * from "./host/expressions";
export * from "./host/filter-state";
export * from "./host/foreign";
export * from "./host/grpc";
export * from "./host/headers";
export * from "./host/http-call";
export * from "./host/local-response";
export { log, logBytes, logs, refreshLogLevel } from "./host/log";
export * from "./host/metrics";
export * from "./host/pairs";
export * from "./host/properties";
export * from "./host/queues";
export * from "./host/shared-data";
export * from "./host/signatures";
export * from "./properties";
export * from "./stream-properties";
