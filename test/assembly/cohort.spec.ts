import { choiceSeed, distanceOf, fractionOf, seedOf } from "../../assembly/cohort";
import { xxh64 } from "../../assembly/bytes/xxhash";
import { bytes } from "./texts";
import { same } from "./same";

describe("XXH64", () => {
  it("is that of the specification's reference implementation, for every length of tail", () => {
    // Values of the npm package xxhash-wasm 1.1.0, which `test/modules/cohorts.test.ts` compares at random.
    same(xxh64(bytes(""), 0), <u64>0xef46db3751d8e999);
    same(xxh64(bytes("a"), 0), <u64>0xd24ec4f1a98c6e5b);
    same(xxh64(bytes("abc"), 0), <u64>0x44bc2cf5ad770999);
    same(xxh64(bytes("user-1"), xxh64(bytes(""), 0)), <u64>0xe11f64103a7451f2);
  });
});

describe("a fraction", () => {
  it("lies between 0 and 1, both excluded", () => {
    for (let i = 0; i < 1000; i++) {
      const fraction = fractionOf(bytes("user-" + i.toString()), seedOf(bytes("s")));
      expect(fraction > 0 && fraction < 1).toBe(true);
    }
  });

  it("is the one of docs/cohorts.md", () => {
    expect(fractionOf(bytes("user-2"), seedOf(bytes("")))).toBe(0.014942118216157152);
  });
});

describe("a distance", () => {
  it("is never negative, and shrinks as the weight grows", () => {
    const seed = choiceSeed(bytes("salt"), bytes("v2"));
    for (let i = 0; i < 1000; i++) {
      const key = bytes(i.toString());
      expect(distanceOf(key, seed, 1) > 0).toBe(true);
      expect(distanceOf(key, seed, 2) < distanceOf(key, seed, 1)).toBe(true);
    }
  });
});
