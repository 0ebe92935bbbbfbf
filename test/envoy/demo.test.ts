import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** The seconds of waiting for a new minute included. */
const WITHIN = 60_000;

test(
  "the demo shows a launch, traces, authorization and both limits, each as it expects it",
  { timeout: WITHIN + 5000 },
  () => {
    const { status, stdout, stderr } = spawnSync("npx", ["tsx", "envoy/demo.ts"], {
      encoding: "utf8",
      timeout: WITHIN,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const reason of [
      "dark-launch:beta-users",
      "trace-propagation:b3single",
      "authz:no-debug",
      "authz:ci-deploys",
      "local-rate-limit:search-per-api-key",
      "global-rate-limit:by-api-key",
    ]) {
      expect(stdout).toMatch(new RegExp(`${reason}$`, "m"));
    }
  },
);
