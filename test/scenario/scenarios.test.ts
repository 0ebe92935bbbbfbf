import { HostDriver } from "../host/driver.ts";
import { scenarioTests } from "./suite.ts";

scenarioTests(new HostDriver());
