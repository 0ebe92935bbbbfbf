/** What came of a scenario, as `outrigger test --json` answers it. */
import type { Failure } from "../test/scenario/run.ts";

export interface ScenarioReport {
  file: string;
  /** `skipped`: all steps passed that this driver can play, and some it cannot; `error`: the file is no scenario. */
  status: "passed" | "failed" | "skipped" | "error";
  milliseconds: number;
  /** Steps that were played as expected. */
  played: number;
  failure?: Failure;
  skipped?: string;
  /** Each as `file:line: path: what`. */
  errors?: readonly string[];
}
