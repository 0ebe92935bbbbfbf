import { defineConfig } from "vitest/config";

/** Test files that need a real Envoy. */
const ON_ENVOY = ["test/envoy/*.test.ts", "test/**/envoy.test.ts", "test/**/*.envoy.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "host", include: ["test/**/*.test.ts"], exclude: ON_ENVOY },
      },
      {
        // Some of these watch time or memory: one file at a time.
        test: { name: "envoy", include: ON_ENVOY, fileParallelism: false },
      },
    ],
  },
});
