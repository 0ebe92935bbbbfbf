import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";

interface Exports {
  memory: WebAssembly.Memory;
  room(size: number): number;
  write(message: number, length: number, maxBytes: number, maxDepth: number): number;
  written(): number;
}

let module: Exports;
beforeAll(async () => {
  const bytes = await compile("test/conformance/module/primitives.ts");
  const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
  module = instance.exports as unknown as Exports;
}, 60_000);

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The JSON text of a message, or null. Throws where it is no UTF-8. */
function written(message: Uint8Array, maxBytes = 4096, maxDepth = 16): string | null {
  const place = module.room(message.length);
  new Uint8Array(module.memory.buffer).set(message, place);
  const at = module.write(place, message.length, maxBytes, maxDepth);
  if (at === 0) return null;
  const text = new Uint8Array(module.memory.buffer, at, module.written());
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

const field = (number: number, content: Uint8Array): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);

/** A `google.protobuf.Value` as struct.proto has it, written without the code under test. */
function valueOf(json: Json): Buffer {
  if (json === null) return Buffer.from([0x08, 0]);
  if (typeof json === "boolean") return Buffer.from([0x20, json ? 1 : 0]);
  if (typeof json === "string") return field(3, Buffer.from(json));
  if (typeof json === "number") {
    const bytes = Buffer.alloc(9, 0x11);
    bytes.writeDoubleLE(json, 1);
    return bytes;
  }
  if (Array.isArray(json)) return field(6, Buffer.concat(json.map((item: Json) => field(1, valueOf(item)))));
  return field(5, structOf(json as Record<string, Json>));
}

const entry = (name: Uint8Array, value: Uint8Array): Buffer =>
  field(1, Buffer.concat([field(1, name), field(2, value)]));
const structOf = (json: Record<string, Json>): Buffer =>
  Buffer.concat(Object.entries(json).map(([name, value]) => entry(Buffer.from(name), valueOf(value))));

/** `{"a": ..}` within one another, so many objects in all. */
const nested = (depth: number): Record<string, Json> => (depth === 1 ? {} : { a: nested(depth - 1) });
/** The same with 0.5 for each number that is not written as it is. */
const withoutFractions = (json: Json): Json =>
  JSON.parse(JSON.stringify(json), (_, value: Json) =>
    typeof value === "number" && !Number.isSafeInteger(value) ? 0.5 : value,
  ) as Json;
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });

describe("a Struct as JSON", () => {
  test("has each kind of value, in the message's order", () => {
    const json = { z: null, a: [true, false, 1, -2.5, "x", [], {}], "": { b: "" } };
    expect(written(structOf(json))).toBe(JSON.stringify(json));
    expect(written(Buffer.alloc(0))).toBe("{}");
  });

  test("is read back by a JSON parser as what it was", () => {
    const objects = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ depthSize: "small" }));
    fc.assert(
      fc.property(objects, (any) => {
        const json = withoutFractions(any as Json);
        const text = written(structOf(json as Record<string, Json>), 65_536, 64);
        // JSON.stringify knows no -0, and neither does this.
        expect(JSON.parse(text ?? "absent")).toEqual(JSON.parse(JSON.stringify(json)));
      }),
      { numRuns: 1000 },
    );
  });

  test("has integers as they are, and other numbers within 1e-9", () => {
    const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((raw) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigUint64(0, raw);
      return view.getFloat64(0);
    });
    const numbers = fc.oneof(bits.filter(Number.isFinite), doubles, fc.integer(), fc.maxSafeInteger());
    const shown = (value: number): string => written(structOf({ n: value }))!.slice(5, -1);
    const check = (value: number): void => {
      const read = Number(shown(value));
      if (Number.isSafeInteger(value)) expect(read).toBe(value + 0);
      // The smallest double is all that there is next to 0.
      else
        expect(Math.abs(read - value)).toBeLessThanOrEqual(
          Math.max(Math.abs(value) * 1e-9, Number.MIN_VALUE),
        );
      expect(shown(value).length).toBeLessThanOrEqual(18);
    };
    fc.assert(fc.property(numbers, check), { numRuns: 20_000 });
    const edges = [5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 2 ** 53, 2 ** 53 + 2, 1e21, 1e22];
    for (const value of [...edges, 0.1, 1e-6, 1e-7, 123456.789, 4.35, 1e20, 0.000001234]) {
      check(value);
      check(-value);
    }
    expect([0, -0, 1, -1, 2 ** 53, 2 ** 60, 0.1, -4.35, 99.99999999999, 1e300, 1.5e-7].map(shown)).toEqual([
      "0",
      "0",
      "1",
      "-1",
      "9007199254740992",
      "1.152921505e18",
      "0.1",
      "-4.35",
      "100",
      "1e300",
      "1.5e-7",
    ]);
  });

  test("has null for numbers that JSON has not, and for a value of no kind", () => {
    const none = entry(Buffer.from("d"), Buffer.alloc(0));
    const message = Buffer.concat([structOf({ a: NaN, b: Infinity, c: -Infinity }), none]);
    expect(written(message)).toBe('{"a":null,"b":null,"c":null,"d":null}');
    // An entry of the map with neither name nor value.
    expect(written(field(1, Buffer.alloc(0)))).toBe('{"":null}');
  });

  test("escapes what RFC 8259 wants escaped, and replaces what is no UTF-8", () => {
    const all = String.fromCharCode(...Array(128).keys()) + "é€😀\u2028";
    expect(JSON.parse(written(structOf({ [all]: all }))!)).toEqual({ [all]: all });
    const bad = Buffer.from([0x61, 0xff, 0xc3, 0x62, 0xed, 0xa0, 0x80, 0xe2, 0x82]);
    const shown = "a\ufffd\ufffdb\ufffd\ufffd\ufffd\ufffd\ufffd";
    expect(written(entry(bad, field(3, bad)))).toBe(JSON.stringify({ [shown]: shown }));
  });

  test("takes the last of several values, and passes over what it does not know", () => {
    const value = Buffer.concat([
      valueOf(1),
      valueOf("x"),
      field(9, Buffer.from("y")),
      Buffer.from([0x10, 1]),
    ]);
    const twice = field(
      1,
      Buffer.concat([field(1, Buffer.from("a")), field(2, valueOf(2)), field(2, value)]),
    );
    expect(written(Buffer.concat([field(7, Buffer.from("z")), twice, Buffer.from([0x08, 1])]))).toBe(
      '{"a":"x"}',
    );
  });

  test("is absent when a name comes twice in one object, and not when in two", () => {
    expect(written(Buffer.concat([structOf({ a: 1, b: 1 }), structOf({ a: 2 })]))).toBeNull();
    expect(written(structOf({ a: { a: 1 }, b: { a: 1 } }))).toBe('{"a":{"a":1},"b":{"a":1}}');
  });

  test("is absent when any part is broken", () => {
    const whole = structOf({ a: [{ b: "text" }], c: 1 });
    expect(written(whole)).not.toBeNull();
    expect(written(whole.subarray(0, -1))).toBeNull();
    expect(written(entry(Buffer.from("a"), Buffer.from([0x1a, 5, 0x61])))).toBeNull();
    expect(written(field(1, Buffer.from([0x0a, 9, 0x61])))).toBeNull();
    expect(written(Buffer.concat([whole, Buffer.from([0x0b])]))).toBeNull();
  });

  test("is absent beyond its depth and its length, and whole up to them", () => {
    expect(written(structOf(nested(16)))).toBe(JSON.stringify(nested(16)));
    expect(written(structOf(nested(17)))).toBeNull();
    expect(written(structOf({ a: [[1]] }), 4096, 3)).toBe('{"a":[[1]]}');
    expect(written(structOf({ a: [[1]] }), 4096, 2)).toBeNull();
    expect(written(structOf({}), 4096, 0)).toBeNull();
    expect(written(structOf(nested(2_000)), 200_000)).toBeNull();
    const json = { a: "x".repeat(4088) };
    expect(written(structOf(json))).toBe(JSON.stringify(json));
    expect(written(structOf({ a: "x".repeat(4089) }))).toBeNull();
    const message = structOf({ a: "\n", b: [1.5, false, null, "\u00e9"] });
    const text = '{"a":"\\u000a","b":[1.5,false,null,"\u00e9"]}';
    const length = Buffer.byteLength(text);
    expect(written(message, length)).toBe(text);
    for (let less = 0; less < length; less++) expect(written(message, less)).toBeNull();
    // Nothing of it would be in the text, but it would have to be read.
    expect(written(Buffer.concat([structOf({ a: 1 }), field(9, Buffer.alloc(8 * 4096))]))).toBeNull();
  });

  test("of random and of damaged bytes is JSON or absent", () => {
    const damaged = fc
      .tuple(
        fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 4 })),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      )
      .map(([json, changes]) => {
        const message = structOf(json as Record<string, Json>);
        for (const [at, byte] of changes) if (message.length > 0) message[at % message.length] = byte;
        return message;
      });
    let some = 0;
    const check = (message: Uint8Array): void => {
      const text = written(message);
      if (text === null) return;
      some++;
      expect(typeof JSON.parse(text)).toBe("object");
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), check), { numRuns: 20_000 });
    fc.assert(fc.property(damaged, check), { numRuns: 10_000 });
    expect(some).toBeGreaterThan(1000);
  });
});
