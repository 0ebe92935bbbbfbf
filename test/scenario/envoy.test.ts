import { EnvoyDriver } from "../envoy/driver.ts";
import { scenarioTests } from "./suite.ts";

scenarioTests(new EnvoyDriver());
