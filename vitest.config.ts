import { defineConfig } from "vitest/config";

/** Test files that need a real Envoy. */
const ON_ENVOY = ["test/envoy/*.test.ts", "test/**/envoy.test.ts", "test/**/*.envoy.test.ts"];
/** Those that need other real servers too, which are built or installed: `make e2e`. */
const END_TO_END = ["test/**/*.e2e.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "host", include: ["test/**/*.test.ts"], exclude: [...ON_ENVOY, ...END_TO_END] },
      },
      {
        // Some of these watch time or memory: one file at a time.
        test: { name: "envoy", include: ON_ENVOY, exclude: END_TO_END, fileParallelism: false },
      },
      {
        test: { name: "e2e", include: END_TO_END, fileParallelism: false },
      },
    ],
  },
});
