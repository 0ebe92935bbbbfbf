import { EnvoyDriver } from "../envoy/driver.ts";
import { conformance } from "./assertions.ts";

conformance(() => new EnvoyDriver());
