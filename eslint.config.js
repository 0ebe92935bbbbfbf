import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Written in AssemblyScript: its own types, decorators above functions, no type information for the linter. */
const ASSEMBLYSCRIPT = [
  "assembly/**/*.ts",
  "filters/**/*.ts",
  "bench/limit/**/*.ts",
  "examples/**/*.ts",
  "bench/gcore/**/*.ts",
  "test/assembly/**/*.ts",
  "test/authz/keys-module/**/*.ts",
  "test/conformance/module/**/*.ts",
  "test/jwt/module/**/*.ts",
  "test/regex/module/**/*.ts",
  "test/authz/custom-module/**/*.ts",
];

export default defineConfig(
  { ignores: ["node_modules/", "build/", "coverage/"] },
  {
    files: ["**/*.ts"],
    ignores: ASSEMBLYSCRIPT,
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // With noUncheckedIndexedAccess, an index that was just checked says so by `!`.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-empty-function": "off",
      // Subclasses override such getters.
      "@typescript-eslint/class-literal-property-style": "off",
      // A driver's methods are asynchronous on the real Envoy, whatever the host needs.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    // The host's core runs wherever WebAssembly does: only its driver may know Node. The rate limit service's core runs in it.
    files: ["test/host/*.ts", "cli/ratelimit-service/*.ts"],
    ignores: [
      "cli/ratelimit-service/server.ts",
      "test/host/driver.ts",
      "test/host/node-libraries.ts",
      "test/host/test-modules.ts",
      "test/host/*.test.ts",
    ],
    rules: {
      "no-restricted-imports": ["error", { patterns: ["node:*"] }],
      "no-restricted-globals": ["error", "Buffer", "process", "require"],
    },
  },
  {
    files: ASSEMBLYSCRIPT,
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { allowInvalidAST: true } },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-empty": "error",
      "prefer-const": "error",
    },
  },
);
