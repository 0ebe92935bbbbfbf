import { EnvoyDriver } from "../envoy/driver.ts";
import { standingIn } from "./standing-in.ts";

standingIn(() => new EnvoyDriver());
