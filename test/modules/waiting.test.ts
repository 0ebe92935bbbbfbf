import { HostDriver } from "../host/driver.ts";
import { waiting } from "./waiting.ts";

waiting(() => new HostDriver());
