import { HostDriver } from "../host/driver.ts";
import { standingIn } from "./standing-in.ts";

standingIn(() => new HostDriver());
