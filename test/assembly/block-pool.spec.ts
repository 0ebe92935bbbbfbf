import { BlockPool } from "../../assembly/block-pool";
import { same } from "./same";

describe("a pool of blocks", () => {
  it("gives blocks that are large enough and do not overlap", () => {
    const pool = new BlockPool();
    const sizes: u32[] = [1, 256, 257, 512, 5000, 32768];
    const blocks: usize[] = [];
    for (let at = 0; at < sizes.length; at++) {
      const block = pool.take(sizes[at]);
      same<usize>(block & 7, 0, "aligned");
      same(pool.sizeOf(block) >= sizes[at], true);
      memory.fill(block + 4, <u8>(at + 1), sizes[at] > 4 ? <usize>sizes[at] - 4 : 0);
      blocks.push(block);
    }
    for (let at = 1; at < sizes.length; at++) {
      same(load<u8>(blocks[at] + 4), <u8>(at + 1));
      same(load<u8>(blocks[at] + sizes[at] - 1), <u8>(at + 1));
    }
  });

  it("gives again what was given back, of the same size", () => {
    const pool = new BlockPool();
    const first = pool.take(300);
    const second = pool.take(300);
    pool.giveBack(first);
    pool.giveBack(second);
    same(pool.take(512), second);
    same(pool.take(400), first);
  });

  it("has none that are larger than 32 KiB, nor more than 64 MiB", () => {
    const pool = new BlockPool();
    same<usize>(pool.take(32769), 0);
    same<usize>(pool.take(u32.MAX_VALUE), 0);
    let count = 0;
    while (pool.take(32768) != 0) count++;
    same(count, 2048);
    same<usize>(pool.take(1), 0);
  });
});
