import { EnvoyDriver } from "../envoy/driver.ts";
import { migration } from "./migration.ts";

migration(() => new EnvoyDriver());
