import { expect, test } from "vitest";
import { ALLOCATIONS, compileCounted } from "./counted.ts";

interface Exports {
  memory: WebAssembly.Memory;
  allocations: WebAssembly.Global;
  room(size: number): number;
  write(message: number, length: number, maxBytes: number, maxDepth: number): number;
  others(start: number, length: number): bigint;
}

/** `{"n": 1.5, "l": [true, "text", null]}` as a `google.protobuf.Struct`, the null as a value of no kind. */
const MESSAGE = Buffer.from(
  `0a0e 0a016e 1209 11000000000000f83f 0a15 0a016c 1210 320e 0a022001 0a061a0474657874 0a00`.replaceAll(
    " ",
    "",
  ),
  "hex",
);

test(
  "a Struct's JSON text, digests, hashes and names of secrets allocate nothing on the heap once they are warm",
  { timeout: 60_000 },
  async () => {
    const bytes = await compileCounted("test/conformance/module/primitives.ts");
    const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
    const module = instance.exports as unknown as Exports;
    const play = (bytes: Uint8Array): number => {
      const place = module.room(bytes.length);
      new Uint8Array(module.memory.buffer).set(bytes, place);
      module.others(place, bytes.length);
      return module.write(place, bytes.length, 4096, 16);
    };
    const allocations = (): number => Number(module[ALLOCATIONS].value);
    expect(play(MESSAGE)).not.toBe(0);
    const before = allocations();
    expect(before).toBeGreaterThan(0);
    let broken = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = Uint8Array.from(MESSAGE);
      // Every other message is damaged, somewhere.
      if (round % 2 === 1) bytes[round % bytes.length] = (round * 7) % 256;
      if (play(bytes) === 0) broken++;
    }
    expect(broken).toBeGreaterThan(100);
    expect(allocations() - before).toBe(0);
  },
);
