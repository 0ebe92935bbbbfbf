/** A module that does what a request's `x-case` headers say, and logs what host functions answered. */
import { registerRootContext } from "../../../assembly/index";
import { ConformanceRoot } from "./contexts";

export * from "../../../assembly/abi/exports";

registerRootContext((id) => new ConformanceRoot(id), "conformance");
