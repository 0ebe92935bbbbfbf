/** Debian's Prometheus, whose package has its check of rules too. */
import { onPath } from "./cache.ts";
import { PeerNotFound } from "./process.ts";

/** The path of `prometheus`. Throws {@link PeerNotFound}. */
export function locatePrometheus(): Promise<string> {
  return locate("prometheus");
}

/** The path of `promtool`. Throws {@link PeerNotFound}. */
export function locatePromtool(): Promise<string> {
  return locate("promtool");
}

async function locate(name: string): Promise<string> {
  const path = await onPath(name);
  if (path !== undefined) return path;
  throw new PeerNotFound(
    name,
    "it is not on the PATH",
    "Install it: apt-get install prometheus (or https://prometheus.io/download).",
  );
}
