import { EnvoyDriver } from "../envoy/driver.ts";
import { custom } from "./custom.ts";

custom(() => new EnvoyDriver());
