/** Which members of `baggage` go on: what W3C's specification prints, and a plain model of it at random. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { baggage, type BaggageRules } from "./model.ts";
import { Proxy } from "./proxy.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

/** What goes on of a request's baggage. */
function passed(rules: Partial<BaggageRules> & { allow: string[] }, ...lists: string[]): string | undefined {
  const proxy = new Proxy({ baggage: rules });
  return proxy.enter(lists.map((list): Header => ["baggage", list])).baggage;
}

describe("baggage as W3C's specification prints it (w3c/baggage HTTP_HEADER_FORMAT.md)", () => {
  const example = "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue";

  test("goes on by member, properties and white space within included", () => {
    expect(passed({ allow: ["key1", "key2", "key3"] }, example)).toBe(
      "key1=value1;property1;property2,key2 = value2,key3=value3; propertyKey=propertyValue",
    );
    expect(passed({ allow: ["key2"] }, example)).toBe("key2 = value2");
    expect(passed({ allow: ["key4"] }, example)).toBeUndefined();
  });

  test("goes on out of several headers as one list", () => {
    const allow = ["userId", "isProduction"];
    const list = "userId=alice,isProduction=false";
    expect(passed({ allow }, "userId=alice,serverNode=DF%2028,isProduction=false")).toBe(list);
    expect(passed({ allow }, "userId=alice", "serverNode=DF%2028,isProduction=false")).toBe(list);
    expect(passed({ allow }, "userId =   alice", "serverNode = DF%2028, isProduction = false")).toBe(
      "userId =   alice,isProduction = false",
    );
  });

  test.each([
    "SomeKey=SomeValue",
    "SomeKey=SomeValue;SomeProp",
    "SomeKey=SomeValue=equals",
    "SomeKey=SomeValue;SomePropKey=SomePropValue",
    "SomeKey=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29",
    "SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; \t SecondProp \t = \t PropValue",
  ])("a member as in test/test_baggage.py: %s", (member) => {
    expect(passed({ allow: ["SomeKey"] }, `Other=1,${member},Other2=2`)).toBe(member);
  });

  test("of 64 members, or of 8192 bytes, goes on whole", () => {
    const names = Array.from({ length: 64 }, (_, at) => `key${at}`);
    const list = names.map((name) => `${name}=value`).join(",");
    expect(passed({ allow: names }, list)).toBe(list);
    const long = `a=${"0123456789".repeat(819)}`;
    expect(long).toHaveLength(8192);
    expect(passed({ allow: ["a"] }, long)).toBe(long);
    expect(passed({ allow: ["a"] }, `${long}x`)).toBeUndefined();
    const many = Array.from({ length: 512 }, (_, at) => String(at).padStart(3, "0"));
    const full = `${many.map((name) => `${name}=0123456789a`).join(",")}b`;
    expect(full).toHaveLength(8192);
    expect(passed({ allow: many }, full)).toBe(full);
  });
});

const name = fc.constantFrom("a", "b", "c", "variant", "A", "%61", "a.b", "a b", "", '"a"', "a;", "\xe9");
const space = fc.constantFrom("", "", "", " ", "\t ", "  ");
const value = fc.oneof(
  fc.constantFrom("", "1", "v", "a=b", "==", "%20", "a b", "a\tb", '"', "\\", "\xe9", "x".repeat(30)),
  fc.stringMatching(/^[!#-+\--:<-[\]-~]{0,10}$/),
);
const property = fc.oneof(
  fc.constantFrom("", ";p", ";p=1", "; p = 1 ", ";", ";;", "; ", ';"', ";=", ";\\", ";a b"),
);
const member = fc
  .tuple(space, name, space, fc.constantFrom("=", "=", "=", "=", ""), space, value, space, property, space)
  .map((parts) => parts.join(""));
const list = fc.oneof(
  { weight: 8, arbitrary: fc.array(member, { maxLength: 8 }).map((members) => members.join(",")) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(",", "=", ";", "a=,", "a=1;", "b=2,", " ", "a"), fc.constantFrom(1, 100, 4000))
      .map(([piece, count]) => piece.repeat(count)),
  },
);

describe("baggage beside a plain model of it", () => {
  test("goes on and is counted alike", { timeout: 60_000 }, () => {
    let kept = 0;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom("a", "b", "c", "variant", "%61", "A"), { minLength: 1 }),
        fc.constantFrom(1, 3, 10, 64, 8192),
        fc.array(fc.array(list, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 10 }),
        (allow, maxBytes, requests) => {
          const proxy = new Proxy({ baggage: { allow, maxBytes } });
          const bare = proxy.host.listen({ plugins: [] });
          let [malformed, oversized] = [0, 0];
          for (const lists of requests) {
            const headers = lists.map((one): Header => ["baggage", one]);
            const arrived = bare.run({ method: "GET", path: "/", headers }).upstream!;
            const expected = baggage(arrived.headers, { allow, maxBytes });
            malformed += expected.malformed;
            oversized += expected.oversized;
            expect(proxy.enter(headers).baggage).toBe(expected.list);
            if (expected.list !== undefined) kept++;
          }
          expect(proxy.metric("format=.=baggage;", "kind=.=syntax")).toBe(malformed);
          expect(proxy.metric("format=.=baggage;", "kind=.=oversized")).toBe(oversized);
        },
      ),
      { numRuns: 300, seed },
    );
    expect(kept).toBeGreaterThan(200);
  });

  test("passes as it is where nothing is said of it", () => {
    const lists = ["a=1 , b", "=", "c"];
    const headers = lists.map((one): Header => ["baggage", one]);
    expect(new Proxy({}).enter(headers).baggage).toBe(lists.join(","));
  });
});
