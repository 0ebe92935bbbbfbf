/** Debian's Prometheus, whose package has its check of rules too. */
import { locateProgram } from "./program.ts";

/** The path of `prometheus`. Throws {@link PeerNotFound}. */
export function locatePrometheus(): Promise<string> {
  return locateProgram("prometheus", ...PACKAGE);
}

/** The path of `promtool`. Throws {@link PeerNotFound}. */
export function locatePromtool(): Promise<string> {
  return locateProgram("promtool", ...PACKAGE);
}

const PACKAGE = ["prometheus", "https://prometheus.io/download"] as const;
