import { HostDriver } from "../host/driver.ts";
import { attacks } from "./attacks.ts";

attacks(() => new HostDriver());
