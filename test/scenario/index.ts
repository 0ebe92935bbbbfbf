/** Scenarios for users' own tests: read one, play it on the V8 host or on a real Envoy. */
export { ConfigurationRefused } from "../driver.ts";
export type { Driver, Exchange, Header, HttpRequest, PluginSpec, Session, SessionSpec } from "../driver.ts";
export { EnvoyDriver } from "../envoy/driver.ts";
export { HostDriver } from "../host/driver.ts";
export { loadScenario, parseScenario, ScenarioError } from "./format.ts";
export type { Scenario, Step } from "./format.ts";
export { runScenario } from "./run.ts";
export type { Failure, RunOptions, ScenarioResult } from "./run.ts";
