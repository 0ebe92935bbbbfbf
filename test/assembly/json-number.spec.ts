import { parseNumber } from "../../assembly/json/number";
import { Random } from "./random";
import { same } from "./same";
import { bytes } from "./texts";

function read(number: string): f64 {
  return parseNumber(bytes(number));
}

/** Units in the last place between two positive numbers. */
function distance(left: f64, right: f64): i64 {
  return abs(reinterpret<i64>(left) - reinterpret<i64>(right));
}

describe("a number out of JSON", () => {
  it("is exact where it is short, as configuration has it", () => {
    expect(read("0")).toBe(0);
    expect(read("1")).toBe(1);
    expect(read("-1")).toBe(-1);
    expect(read("100")).toBe(100);
    expect(read("12.5")).toBe(12.5);
    expect(read("0.1")).toBe(0.1);
    expect(read("0.3")).toBe(0.3);
    expect(read("-99.99")).toBe(-99.99);
    expect(read("1e3")).toBe(1000);
    expect(read("1E+3")).toBe(1000);
    expect(read("25e-1")).toBe(2.5);
    expect(read("0.000001")).toBe(0.000001);
    expect(read("4294967296")).toBe(4294967296);
    expect(read("9007199254740991")).toBe(9007199254740991);
    expect(read("1e22")).toBe(1e22);
    expect(read("0.5e1")).toBe(5);
    expect(read("100e-2")).toBe(1);
    expect(read("1.50")).toBe(1.5);
  });

  it("keeps the sign of zero", () => {
    expect(reinterpret<u64>(read("-0"))).toBe(0x8000000000000000);
    expect(reinterpret<u64>(read("-0.0e5"))).toBe(0x8000000000000000);
    expect(reinterpret<u64>(read("0"))).toBe(0);
    expect(reinterpret<u64>(read("0e999"))).toBe(0);
  });

  it("saturates to infinity and to zero", () => {
    expect(read("1e400")).toBe(Infinity);
    expect(read("-1e400")).toBe(-Infinity);
    expect(read("1e99999999999999999999")).toBe(Infinity);
    expect(read("1e-400")).toBe(0);
    expect(read("1e-99999999999999999999")).toBe(0);
    expect(read("9".repeat(400))).toBe(Infinity);
    expect(read("0." + "0".repeat(400) + "1")).toBe(0);
    expect(read("0e99999999999999999999")).toBe(0);
  });

  it("lets digits and exponent make up for one another", () => {
    expect(read("0." + "0".repeat(299) + "1e300")).toBe(1);
    expect(distance(read("1" + "0".repeat(300) + "e-300"), 1) <= 8).toBe(true);
    expect(distance(read("9".repeat(300)), 1e300) <= 32).toBe(true);
  });

  it("is off by a few units in the last place at most where it is long", () => {
    expect(distance(read("3.14159265358979323846264338327950288"), 3.141592653589793) <= 2).toBe(true);
    expect(distance(read("123456789012345678901234567890"), 123456789012345678901234567890.0) <= 4).toBe(
      true,
    );
    expect(distance(read("2.2250738585072014e-308"), 2.2250738585072014e-308) <= 32).toBe(true);
    expect(distance(read("5e-324"), f64.MIN_VALUE) <= 1).toBe(true);
    expect(distance(read("1.7976931348623157e307"), 1.7976931348623157e307) <= 32).toBe(true);
  });

  it("is what the standard library reads, for 20,000 numbers of up to 15 digits (seed 3)", () => {
    const random = new Random(3);
    for (let i = 0; i < 20000; i++) {
      const digits = random.next() % 1000000000000000;
      const exponent = random.below(45) - 22;
      const number = digits.toString() + "e" + exponent.toString();
      same(read(number), <f64>digits * 1 == 0 ? 0 : exact(digits, exponent), number);
    }
  });

  it("is what was written, for all hundredths up to 100, as percentages have them", () => {
    for (let hundredths = 0; hundredths <= 10000; hundredths++) {
      const fraction = hundredths % 100;
      const number = (hundredths / 100).toString() + (fraction < 10 ? ".0" : ".") + fraction.toString();
      same(read(number), <f64>hundredths / 100, number);
    }
  });
});

/** Exact: both operands are (Clinger 1990). */
function exact(digits: u64, exponent: i32): f64 {
  let power: f64 = 1;
  for (let i = 0; i < abs(exponent); i++) power *= 10;
  return exponent < 0 ? <f64>digits / power : <f64>digits * power;
}
