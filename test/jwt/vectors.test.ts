import { HostDriver } from "../host/driver.ts";
import { vectors } from "./vectors.ts";

vectors(() => new HostDriver());
