import { RandomNumbers } from "../../assembly/random";
import { same } from "./same";

describe("random numbers", () => {
  it("are those of xoshiro256** (the authors' code from state 1, 2, 3, 4; also the vectors of Rust's rand_xoshiro)", () => {
    const numbers = new RandomNumbers(1, 2, 3, 4);
    const expected: u64[] = [
      11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
      16172922978634559625, 8476171486693032832, 10595114339597558777, 2904607092377533576,
    ];
    for (let at = 0; at < expected.length; at++) same(numbers.next(), expected[at], at.toString());
  });

  it("of ids are never 0", () => {
    const numbers = new RandomNumbers(1, 2, 3, 4);
    same(numbers.nextId(), 11520);
    same(numbers.nextId(), 1509978240);
  });
});
