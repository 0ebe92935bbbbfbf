/** The V8 host: proxy-wasm ABI 0.2.1 as Envoy 1.40 has it, for tests and for `outrigger test`. */
export { ConfigurationRefused } from "../driver.ts";
export type { Header, HttpRequest, UpstreamReply, UpstreamRequest } from "../driver.ts";
export * from "./abi.ts";
export { FakeClock } from "./clock.ts";
export type { ForeignFunction } from "./foreign.ts";
export { HeaderMap } from "./header-map.ts";
export { Host, Listener } from "./host.ts";
export type { HostOptions, ListenerOptions, LogEntry } from "./host.ts";
export { ModuleLoadError, PluginModule } from "./module.ts";
export type { ExportDescription, ImportDescription } from "./module.ts";
export type { FailurePolicy, PluginOptions } from "./plugin.ts";
export type { AttributeValue, StreamInfo } from "./properties.ts";
export type { Replacement } from "./services.ts";
export { HttpStream } from "./stream.ts";
export type { StreamResponse } from "./stream.ts";
