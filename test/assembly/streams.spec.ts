import { Root } from "../../assembly/abi/root";
import { findStream, rootIn, stateIn, trackStream, untrackStream } from "../../assembly/abi/streams";
import { Random } from "./random";
import { same } from "./same";

class TestRoot extends Root {}

const first = new TestRoot(1);
const second = new TestRoot(2);

function forget(id: u32): void {
  untrackStream(findStream(id));
}

describe("the table of streams", () => {
  it("knows no stream before one was tracked", () => {
    expect(findStream(7)).toBe(0);
  });

  it("answers the root and the state of a stream", () => {
    trackStream(10, first, 111);
    trackStream(11, second, 222);
    expect(rootIn(findStream(10)).id).toBe(1);
    expect(stateIn(findStream(10))).toBe(111);
    expect(rootIn(findStream(11)).id).toBe(2);
    expect(stateIn(findStream(11))).toBe(222);
    expect(findStream(12)).toBe(0);
    forget(10);
    forget(11);
  });

  it("takes the newer state of a stream that is tracked twice, and forgets it once", () => {
    trackStream(20, first, 1);
    trackStream(20, second, 2);
    expect(stateIn(findStream(20))).toBe(2);
    expect(rootIn(findStream(20)).id).toBe(2);
    forget(20);
    expect(findStream(20)).toBe(0);
  });

  it("keeps the others when one of many is forgotten, whichever it is", () => {
    for (let gone: u32 = 1; gone <= 60; gone++) {
      for (let id: u32 = 1; id <= 60; id++) trackStream(id, first, id);
      forget(gone);
      for (let id: u32 = 1; id <= 60; id++) {
        const entry = findStream(id);
        same(entry != 0, id != gone);
        if (entry != 0) same<usize>(stateIn(entry), id);
      }
      for (let id: u32 = 1; id <= 60; id++) if (id != gone) forget(id);
    }
  });

  it("agrees with a Map through 200,000 random steps with growth and collisions (seeds 1 to 4)", () => {
    for (let seed: u64 = 1; seed <= 4; seed++) {
      const random = new Random(seed);
      const model = new Map<u32, u32>();
      // Consecutive ids, every 64th, a few, and ids all over the range.
      const range = seed == 3 ? 40 : 5000;
      for (let step: u32 = 1; step <= 50000; step++) {
        let id = <u32>random.below(range) + 1;
        if (seed == 2) id *= 64;
        if (seed == 4) id *= 0x9e3779b1;
        if (random.below(100) < 55) {
          trackStream(id, step % 2 == 0 ? first : second, step);
          model.set(id, step);
        } else {
          const entry = findStream(id);
          same(entry != 0, model.has(id), `seed ${seed}, step ${step}`);
          if (entry != 0) {
            untrackStream(entry);
            model.delete(id);
          }
        }
        const probe = seed == 2 ? (<u32>random.below(range) + 1) * 64 : <u32>random.below(range) + 1;
        const found = findStream(probe);
        same(found != 0, model.has(probe), `seed ${seed}, step ${step}`);
        if (found != 0) {
          same<usize>(stateIn(found), model.get(probe));
          same(rootIn(found).id, model.get(probe) % 2 == 0 ? 1 : 2);
        }
      }
      const left = model.keys();
      same(left.length > 10, true);
      for (let at = 0; at < left.length; at++) {
        same<usize>(stateIn(findStream(left[at])), model.get(left[at]));
        forget(left[at]);
      }
      for (let at = 0; at < left.length; at++) same<usize>(findStream(left[at]), 0);
    }
  });

  it("finds the highest ids", () => {
    trackStream(u32.MAX_VALUE, first, 1);
    trackStream(0x80000000, second, 2);
    expect(stateIn(findStream(u32.MAX_VALUE))).toBe(1);
    expect(stateIn(findStream(0x80000000))).toBe(2);
    forget(u32.MAX_VALUE);
    forget(0x80000000);
  });

  it("takes no more memory when streams come and go", () => {
    for (let id: u32 = 1; id <= 20000; id++) trackStream(id, first, id);
    for (let id: u32 = 1; id <= 20000; id++) forget(id);
    const pages = memory.size();
    for (let id: u32 = 1; id <= 500000; id++) {
      trackStream(id, first, id);
      if (id > 10000) forget(id - 10000);
    }
    expect(memory.size()).toBe(pages);
    for (let id: u32 = 490001; id <= 500000; id++) forget(id);
    expect(findStream(495000)).toBe(0);
  });

  it("takes no more memory when the same stream is tracked again and again", () => {
    trackStream(5, first, 0);
    const pages = memory.size();
    for (let i = 0; i < 300000; i++) trackStream(5, first, i);
    expect(memory.size()).toBe(pages);
    forget(5);
  });

  it("stays close to a stream's home with 300,000 streams at once", () => {
    for (let id: u32 = 1; id <= 300000; id++) trackStream(id, first, id);
    let right = true;
    for (let round = 0; round < 3; round++) {
      for (let id: u32 = 1; id <= 300000; id++) right = right && stateIn(findStream(id)) == id;
    }
    expect(right).toBe(true);
    for (let id: u32 = 1; id <= 300000; id++) forget(id);
    expect(findStream(1)).toBe(0);
  });
});
