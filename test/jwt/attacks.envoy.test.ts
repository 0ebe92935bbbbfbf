import { EnvoyDriver } from "../envoy/driver.ts";
import { attacks } from "./attacks.ts";

attacks(() => new EnvoyDriver());
