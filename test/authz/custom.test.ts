import { HostDriver } from "../host/driver.ts";
import { custom } from "./custom.ts";

custom(() => new HostDriver());
