import { HostDriver } from "../host/driver.ts";
import { handedOn } from "./handed-on.ts";

handedOn(new HostDriver());
