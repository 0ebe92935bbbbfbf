import { TestContext } from "@as-pect/core";
import { MockHost } from "./test/assembly/mock-host.mjs";

// as-pect 8.1.0 remembers the text at an address after another one has taken its place, and then reports the wrong one.
TestContext.prototype.getString = function (pointer, otherwise) {
  return pointer === 0 ? otherwise : this.wasm.__getString(pointer >>> 0);
};

/** Unit tests of `assembly/`: `npx asp`, and with `COVERAGE=1` what they reach. */
export default {
  entries: ["test/assembly/*.spec.ts"],
  // The host's allocator is exported from every test module.
  include: ["test/assembly/*.include.ts"],
  disclude: [/node_modules/],
  async instantiate(memory, createImports, instantiate, binary) {
    const host = new MockHost();
    const instance = await instantiate(binary, createImports({ env: { memory } }, host.imports()));
    host.attach(instance.exports);
    return instance;
  },
  ...(process.env.COVERAGE ? { coverage: ["assembly/**/*.ts"] } : {}),
  outputBinary: false,
};
