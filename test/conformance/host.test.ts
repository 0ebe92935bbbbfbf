import { LogLevel } from "../host/abi.ts";
import { HostDriver } from "../host/driver.ts";
import { conformance } from "./assertions.ts";

// The level at which the Envoy of the tests logs, too.
conformance(() => new HostDriver({ logLevel: LogLevel.Info }));
