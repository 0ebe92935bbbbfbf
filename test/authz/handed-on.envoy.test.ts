import { EnvoyDriver } from "../envoy/driver.ts";
import { handedOn } from "./handed-on.ts";

handedOn(new EnvoyDriver());
