import { EnvoyDriver } from "../envoy/driver.ts";
import { waiting } from "./waiting.ts";

waiting(() => new EnvoyDriver());
