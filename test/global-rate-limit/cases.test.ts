import { HostDriver } from "../host/driver.ts";
import { globalRateLimit } from "./cases.ts";

globalRateLimit(() => new HostDriver());
