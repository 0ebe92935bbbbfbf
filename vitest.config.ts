import { defineConfig } from "vitest/config";

/** Test files that need a real Envoy. */
const ON_ENVOY = ["test/envoy/*.test.ts", "test/**/envoy.test.ts", "test/**/*.envoy.test.ts"];
/** Those that need other real servers too, which are built or installed: `make e2e`. */
const END_TO_END = ["test/**/*.e2e.test.ts"];

/**
 * Milliseconds for a test that asks for no more. Far above what any takes: it ends what hangs, and is no measure of a machine that is busy with
 * other things, on which a test of one second has taken eight.
 */
const testTimeout = 60_000;
const hookTimeout = 60_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "host",
          include: ["test/**/*.test.ts"],
          exclude: [...ON_ENVOY, ...END_TO_END],
          testTimeout,
          hookTimeout,
        },
      },
      {
        // Some of these watch time or memory: one file at a time.
        test: {
          name: "envoy",
          include: ON_ENVOY,
          exclude: END_TO_END,
          fileParallelism: false,
          testTimeout,
          hookTimeout,
        },
      },
      {
        test: { name: "e2e", include: END_TO_END, fileParallelism: false, testTimeout, hookTimeout },
      },
    ],
  },
});
