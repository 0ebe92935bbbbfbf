import { EnvoyDriver } from "../envoy/driver.ts";
import { vectors } from "./vectors.ts";

vectors(() => new EnvoyDriver());
