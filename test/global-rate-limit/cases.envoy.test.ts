import { EnvoyDriver } from "../envoy/driver.ts";
import { globalRateLimit } from "./cases.ts";

globalRateLimit(() => new EnvoyDriver());
