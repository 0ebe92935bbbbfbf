import { resetArena } from "../../assembly/bytes/arena";
import { Bytes, bytesOf, lengthOf, pointerOf, textOf } from "../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import {
  jsonProblem,
  MAX_BYTES,
  MAX_DEPTH,
  parseJson,
  parseJsonQuietly,
  quoted,
} from "../../assembly/json/parse";
import { same } from "./same";
import { around, bytes, raw, text } from "./texts";

/** What a document was read as: strings decoded between single quotes, everything else as in JSON. */
function render(node: JsonNode): string {
  if (node.kind == JsonKind.String) return "'" + textOf(node.text) + "'";
  if (node.kind < JsonKind.Array) return textOf(node.text);
  const object = node.kind == JsonKind.Object;
  let inside = "";
  let count: u32 = 0;
  let child = node.first;
  while (child != null) {
    if (count++ > 0) inside += ",";
    if (object) inside += textOf(child.name) + ":";
    inside += render(child);
    same(child.parent == node, true, "a child knows what is around it");
    child = child.next;
  }
  same(count, node.count, "the count of children");
  return object ? "{" + inside + "}" : "[" + inside + "]";
}

function readBytes(document: Bytes): string {
  resetArena();
  const node = parseJson(document);
  if (node == null) return "refused: " + jsonProblem;
  same(jsonProblem, "", "no problem is told of an accepted document");
  return render(node);
}

function read(document: string): string {
  return readBytes(bytes(document));
}

/** What is said of a document that is refused, without the position. */
function problem(document: string): string {
  return withoutPosition(read(document));
}

function withoutPosition(answer: string): string {
  const start = answer.indexOf("refused: line ");
  return start < 0 ? answer : answer.slice(answer.indexOf(": ", 9) + 2);
}

function stringOf(values: u8[]): string {
  return readBytes(around('["', values, '"]'));
}

const NOT_UTF8 = "refused: line 1, column 3: not UTF-8";

describe("a JSON value", () => {
  it("can be any of the seven kinds, at the top too (RFC 8259 §2)", () => {
    expect(read("{}")).toBe("{}");
    expect(read("[]")).toBe("[]");
    expect(read('"a"')).toBe("'a'");
    expect(read("12.5")).toBe("12.5");
    expect(read("true")).toBe("true");
    expect(read("false")).toBe("false");
    expect(read("null")).toBe("null");
  });

  it("is read with all that is in it, in order", () => {
    expect(read('{"a":[1,{"b":null},[]],"c":{},"d":"x","e":[true,false]}')).toBe(
      "{a:[1,{b:null},[]],c:{},d:'x',e:[true,false]}",
    );
  });

  it("may have white space of the four kinds anywhere between tokens", () => {
    expect(read(' \t\r\n{ "a" \n:\t[ 1 ,\r2 ] , "b" : { } }\n ')).toBe("{a:[1,2],b:{}}");
  });

  it("is found by its member's name", () => {
    resetArena();
    const node = parseJson(bytes('{"a":1,"b":2,"ab":3}'))!;
    expect(text(node.member(bytes("b"))!.text)).toBe("2");
    expect(text(node.member(bytes("ab"))!.text)).toBe("3");
    expect(node.member(bytes("c")) == null).toBe(true);
    expect(node.member(bytes("")) == null).toBe(true);
  });

  it("may have the empty member name, which is not the absent one", () => {
    resetArena();
    const node = parseJson(bytes('{"":1}'))!;
    expect(text(node.member(bytes(""))!.text)).toBe("1");
    const list = parseJson(bytes("[1]"))!;
    expect(list.member(bytes("")) == null).toBe(true);
  });
});

describe("what is no JSON", () => {
  it("is refused when it is empty or white space alone", () => {
    expect(read("")).toBe("refused: empty; expected a JSON object");
    expect(read(" \n\t\r ")).toBe("refused: line 2, column 4: empty; expected a JSON object");
  });

  it("is refused when something follows the value", () => {
    const expected = "expected the end after the value";
    const documents = [
      "{}}",
      "{} {}",
      "[] ]",
      "1 2",
      "{}#",
      "{}\0",
      '""x',
      "nullx",
      "[],",
      "1a",
      "{}/**/",
      "0x1",
    ];
    for (let at = 0; at < documents.length; at++) {
      const answer = problem(documents[at]);
      same(answer == expected || answer == "expected a value", true, documents[at] + " -> " + answer);
    }
    expect(read("{} {}")).toBe("refused: line 1, column 4: " + expected);
  });

  it("is refused when a bracket or a comma is wrong", () => {
    expect(read("[1,]")).toBe("refused: line 1, column 4: expected a value");
    expect(read("[,1]")).toBe("refused: line 1, column 2: expected a value");
    expect(read("[1,,2]")).toBe("refused: line 1, column 4: expected a value");
    expect(read("[1 2]")).toBe("refused: line 1, column 4: expected `,` or `]`");
    expect(read("[1}")).toBe("refused: line 1, column 3: expected `,` or `]`");
    expect(read('{"a":1]')).toBe("refused: line 1, column 7: expected `,` or `}`");
    expect(read("[1\0]")).toBe("refused: line 1, column 3: expected `,` or `]`");
    expect(read("]")).toBe("refused: line 1, column 1: expected a value");
    expect(read("[}")).toBe("refused: line 1, column 2: expected a value");
    expect(read("{]")).toBe("refused: line 1, column 2: expected a member's name in double quotes");
  });

  it("is refused when a member has no name, no colon or no value", () => {
    const name = "expected a member's name in double quotes";
    const colon = "expected `:` after the member's name";
    expect(read('{"a":1,}')).toBe("refused: line 1, column 8: " + name);
    expect(read("{a:1}")).toBe("refused: line 1, column 2: " + name);
    expect(read("{'a':1}")).toBe("refused: line 1, column 2: " + name);
    expect(read("{1:1}")).toBe("refused: line 1, column 2: " + name);
    expect(read("{,}")).toBe("refused: line 1, column 2: " + name);
    expect(read('{"a" 1}')).toBe("refused: line 1, column 6: " + colon);
    expect(read('{"a"}')).toBe("refused: line 1, column 5: " + colon);
    expect(read('{"a"')).toBe("refused: line 1, column 5: " + colon);
    expect(read('{"a":}')).toBe("refused: line 1, column 6: expected a value");
    expect(read('{"a":1 "b":2}')).toBe("refused: line 1, column 8: expected `,` or `}`");
    expect(read('{"a"::1}')).toBe("refused: line 1, column 6: expected a value");
  });

  it("is refused when a literal is misspelt, cut or in capitals", () => {
    const words = [
      "True",
      "tru",
      "truee",
      "nul",
      "NULL",
      "fals",
      "nan",
      "NaN",
      "Infinity",
      "undefined",
      "*",
      "&",
      "'a'",
      "t",
      "\u00e9",
    ];
    for (let at = 0; at < words.length; at++) {
      same(read("[" + words[at] + "]"), "refused: line 1, column 2: expected a value", words[at]);
    }
  });

  it("is refused at every place where a rich document can be cut, and the place is told", () => {
    const document =
      '{"a": [1, -2.5e+10, true, false, null, "x\\u00e9\\ud83d\\ude00\\n"],\n "b": {"c": {}, "d": []}, "é": "日本"}';
    const whole = bytes(document);
    same(readBytes(bytes(document)).startsWith("{a:["), true);
    for (let length: u32 = 0; length < lengthOf(whole); length++) {
      const copy = heap.alloc(length + 16);
      memory.copy(copy, pointerOf(whole), length);
      // What stands behind the document must not matter.
      memory.fill(copy + length, 0x7d, 16);
      const answer = readBytes(bytesOf(copy, length));
      const told = length == 0 ? "refused: empty" : "refused: line ";
      same(answer.startsWith(told), true, `cut at ${length}: ${answer}`);
      heap.free(copy);
    }
  });

  it("is refused whichever byte of a document becomes a control character", () => {
    const whole = bytes('{"a":[1,2.5e1,true,null,"x\\n"],"b":{}}');
    for (let at: u32 = 0; at < lengthOf(whole); at++) {
      const copy = heap.alloc(lengthOf(whole));
      memory.copy(copy, pointerOf(whole), lengthOf(whole));
      store<u8>(copy + at, 0x01);
      same(readBytes(bytesOf(copy, lengthOf(whole))).startsWith("refused: line 1"), true, `at ${at}`);
    }
  });

  it("never traps when one byte of a document becomes any other", () => {
    const whole = bytes('{"a":[-1.5E-2,true,"\\u0041\\ud83d\\ude00é"],"b":{"c":null}}');
    let accepted = 0;
    let refused = 0;
    const copy = heap.alloc(lengthOf(whole));
    for (let at: u32 = 0; at < lengthOf(whole); at++) {
      for (let byte = 0; byte < 256; byte++) {
        memory.copy(copy, pointerOf(whole), lengthOf(whole));
        store<u8>(copy + at, <u8>byte);
        resetArena();
        if (parseJson(bytesOf(copy, lengthOf(whole))) == null) {
          refused++;
          same(jsonProblem.startsWith("line "), true);
        } else accepted++;
      }
    }
    expect(accepted > 500).toBe(true, `${accepted} accepted`);
    expect(refused > 5000).toBe(true, `${refused} refused`);
  });
});

describe("the position of a problem", () => {
  it("counts lines and columns from 1, columns in bytes", () => {
    expect(read('{\n  "a": 1,\n  "b": x\n}')).toBe("refused: line 3, column 8: expected a value");
    expect(read("\n\n\n?")).toBe("refused: line 4, column 1: expected a value");
    expect(read("\r\n\r\n ?")).toBe("refused: line 3, column 2: expected a value");
    expect(read('["é", ?]')).toBe("refused: line 1, column 8: expected a value");
  });

  it("is the end of the document where something is missing", () => {
    expect(read("[1,\n2")).toBe("refused: line 2, column 2: expected `,` or `]`");
    expect(read('{"a":\n')).toBe("refused: line 2, column 1: expected a value");
  });
});

describe("a number", () => {
  it("has the form of RFC 8259 §6", () => {
    const numbers = [
      "0",
      "-0",
      "1",
      "-1",
      "10",
      "0.5",
      "-0.0",
      "1.50",
      "1e5",
      "1E5",
      "1e+5",
      "1e-5",
      "0e0",
      "0.1E-007",
      "1e400",
      "1e-400",
      "123456789012345678901234567890",
    ];
    for (let at = 0; at < numbers.length; at++) {
      same(read(numbers[at]), numbers[at]);
      same(read(`[${numbers[at]} , ${numbers[at]}]`), `[${numbers[at]},${numbers[at]}]`);
    }
  });

  it("may have 300 digits", () => {
    const digits = "9".repeat(300);
    expect(read(digits)).toBe(digits);
    expect(read("0." + digits)).toBe("0." + digits);
  });

  it("is refused in any other form", () => {
    const numbers = [
      "-",
      "-a",
      "01",
      "-01",
      "00",
      "1.",
      "-1.",
      "1.e5",
      "1e",
      "1e+",
      "1E-",
      "1.5e",
      "0.e1",
      "0e",
    ];
    for (let at = 0; at < numbers.length; at++) {
      same(problem(numbers[at]), "not a number in JSON's form", numbers[at]);
      same(problem("[" + numbers[at] + "]"), "not a number in JSON's form", numbers[at]);
    }
    const others = ["+1", ".5", "-.5", "1.2.3", "1e5.5", "1_000", "0x10", "1,5", "--1", "1e--5", "１"];
    for (let at = 0; at < others.length; at++) {
      same(read(others[at]).startsWith("refused: line 1, column "), true, others[at]);
    }
  });
});

describe("a string", () => {
  it("has every escape of RFC 8259 §7 decoded", () => {
    expect(read('"\\"\\\\\\/\\b\\f\\n\\r\\t"')).toBe("'\"\\/\b\f\n\r\t'");
    expect(read('"\\u0041\\u00e9\\u20AC\\uFFFF\\u0001"')).toBe("'A\u00e9\u20ac\uffff\u0001'");
    expect(read('"a\\u00e9b\\ncd"')).toBe("'a\u00e9b\ncd'");
  });

  it("has surrogate pairs decoded to one character, up to the last one", () => {
    expect(read('"\\ud83d\\ude00"')).toBe("'\u{1f600}'");
    expect(read('"\\uD800\\uDC00"')).toBe("'\u{10000}'");
    expect(read('"\\udbff\\udfff"')).toBe("'\u{10ffff}'");
    expect(read('"x\\ud83d\\ude00\\ud83d\\ude00y"')).toBe("'x\u{1f600}\u{1f600}y'");
  });

  it("is decoded in names as in values", () => {
    expect(read('{"\\u0061\\n":"\\u0062"}')).toBe("{a\n:'b'}");
  });

  it("may be empty, and hold what is no control character of JSON", () => {
    expect(read('""')).toBe("''");
    expect(read('"\u007f\u0080\u2028 /"')).toBe("'\u007f\u0080\u2028 /'");
  });

  it("is refused with half of a surrogate pair", () => {
    const halves = [
      "\\ud83d",
      "\\ude00",
      "\\udfff",
      "\\udbff",
      "\\ud83dx",
      "\\ud83d\\n",
      "\\ud83d\\u0041",
      "\\ud83d\\ud83d",
      "\\ude00\\ud83d",
      "\\ud83d\\u",
      "\\ud83d\\u12",
      "\\ud83d\\",
      "\\ud83d\\u0000",
      "\\ud83d\\ue000",
      "\\ud83d\\udbff",
    ];
    for (let at = 0; at < halves.length; at++) {
      same(problem('["' + halves[at] + '"]'), "half of a surrogate pair", halves[at]);
    }
  });

  it("is refused with NUL", () => {
    expect(problem('"a\\u0000b"')).toBe("NUL (`\\u0000`) in a string");
  });

  it("is refused with an escape that JSON does not have", () => {
    const escapes = ["\\x41", "\\a", "\\0", "\\'", "\\U0041", "\\ ", "\\\u00e9", "\\v"];
    for (let at = 0; at < escapes.length; at++)
      same(problem('"' + escapes[at] + '"'), "not an escape of JSON", escapes[at]);
  });

  it("is refused with fewer than four hexadecimal digits", () => {
    const escapes = [
      "\\u",
      "\\u1",
      "\\u12",
      "\\u123",
      "\\u123g",
      "\\u 123",
      "\\u+123",
      "\\u-001",
      "\\uu1234",
      "\\u00 0",
    ];
    for (let at = 0; at < escapes.length; at++) {
      same(problem('"' + escapes[at] + '"'), "expected four hexadecimal digits after `\\u`", escapes[at]);
    }
  });

  it("is refused when an escape is cut by the document's end, whatever stands behind it", () => {
    const whole = bytes('"\\u0041"');
    expect(readBytes(bytesOf(pointerOf(whole), 5))).toBe(
      "refused: line 1, column 4: expected four hexadecimal digits after `\\u`",
    );
  });

  it("is refused with a raw control character, each of them", () => {
    for (let byte = 0; byte < 32; byte++) {
      same(
        stringOf([<u8>byte]),
        "refused: line 1, column 3: a control character in a string: write it as an escape",
        `byte ${byte}`,
      );
    }
  });

  it("is refused when it does not end", () => {
    expect(problem('"')).toBe("the string does not end");
    expect(problem('"abc')).toBe("the string does not end");
    expect(problem('["a\\"]')).toBe("the string does not end");
    expect(problem('"\\')).toBe("not an escape of JSON");
    expect(problem('{"a')).toBe("the string does not end");
  });
});

describe("UTF-8", () => {
  it("is taken at the edges of every length of sequence", () => {
    expect(stringOf([0xc2, 0x80])).toBe("['\u0080']");
    expect(stringOf([0xdf, 0xbf])).toBe("['\u07ff']");
    expect(stringOf([0xe0, 0xa0, 0x80])).toBe("['\u0800']");
    expect(stringOf([0xed, 0x9f, 0xbf])).toBe("['\ud7ff']");
    expect(stringOf([0xee, 0x80, 0x80])).toBe("['\ue000']");
    expect(stringOf([0xef, 0xbf, 0xbf])).toBe("['\uffff']");
    expect(stringOf([0xf0, 0x90, 0x80, 0x80])).toBe("['\u{10000}']");
    expect(stringOf([0xf4, 0x8f, 0xbf, 0xbf])).toBe("['\u{10ffff}']");
  });

  it("is refused in overlong forms", () => {
    expect(stringOf([0xc0, 0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xc0, 0xaf])).toBe(NOT_UTF8);
    expect(stringOf([0xc1, 0xbf])).toBe(NOT_UTF8);
    expect(stringOf([0xe0, 0x80, 0xaf])).toBe(NOT_UTF8);
    expect(stringOf([0xe0, 0x9f, 0xbf])).toBe(NOT_UTF8);
    expect(stringOf([0xf0, 0x80, 0x80, 0xaf])).toBe(NOT_UTF8);
    expect(stringOf([0xf0, 0x8f, 0xbf, 0xbf])).toBe(NOT_UTF8);
  });

  it("is refused with surrogates, alone and in pairs (CESU-8)", () => {
    expect(stringOf([0xed, 0xa0, 0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xed, 0xbf, 0xbf])).toBe(NOT_UTF8);
    expect(stringOf([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80])).toBe(NOT_UTF8);
  });

  it("is refused above U+10FFFF", () => {
    expect(stringOf([0xf4, 0x90, 0x80, 0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xf5, 0x80, 0x80, 0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xf7, 0xbf, 0xbf, 0xbf])).toBe(NOT_UTF8);
    expect(stringOf([0xf8, 0x88, 0x80, 0x80, 0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xfc, 0x84, 0x80, 0x80, 0x80, 0x80])).toBe(NOT_UTF8);
  });

  it("is refused when a sequence is cut by the string's end", () => {
    expect(stringOf([0xc3])).toBe(NOT_UTF8);
    expect(stringOf([0xe2, 0x82])).toBe(NOT_UTF8);
    expect(stringOf([0xe2])).toBe(NOT_UTF8);
    expect(stringOf([0xf0, 0x9f, 0x98])).toBe(NOT_UTF8);
    expect(stringOf([0xf0, 0x9f])).toBe(NOT_UTF8);
    expect(stringOf([0xf0])).toBe(NOT_UTF8);
  });

  it("is refused when a sequence is cut by the document's end, whatever stands behind it", () => {
    const whole = around('"', [0xf0, 0x9f, 0x98, 0x80], '"');
    for (let length: u32 = 2; length < 5; length++) {
      const copy = around("", [], textOf(whole));
      same(
        readBytes(bytesOf(pointerOf(copy), length)),
        "refused: line 1, column 2: not UTF-8",
        `cut at ${length}`,
      );
    }
  });

  it("is refused with continuation bytes alone, and with bytes that never occur", () => {
    expect(stringOf([0x80])).toBe(NOT_UTF8);
    expect(stringOf([0xbf, 0xbf])).toBe(NOT_UTF8);
    expect(stringOf([0xfe])).toBe(NOT_UTF8);
    expect(stringOf([0xff])).toBe(NOT_UTF8);
    expect(stringOf([0xc3, 0xa9, 0xa9])).toBe("refused: line 1, column 5: not UTF-8");
  });

  it("is refused with a byte order mark, and in UTF-16", () => {
    expect(readBytes(around("", [0xef, 0xbb, 0xbf], "{}"))).toBe(
      "refused: line 1, column 1: expected a value",
    );
    expect(readBytes(raw([0xff, 0xfe, 0x7b, 0, 0x7d, 0]))).toBe(
      "refused: line 1, column 1: expected a value",
    );
    expect(readBytes(raw([0, 0x7b, 0, 0x7d]))).toBe("refused: line 1, column 1: expected a value");
  });

  it("is taken exactly where Unicode's table 3-7 says, for all pairs and all triples of edge bytes", () => {
    const edges: u8[] = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
    for (let first = 0x80; first < 256; first++) {
      for (let at = 0; at < edges.length; at++) {
        const second = edges[at];
        const two = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf;
        same(stringOf([<u8>first, second]).startsWith("['"), two, `${first} ${second}`);
        for (let i = 0; i < edges.length; i++) {
          const third = edges[i];
          const least: u8 = first == 0xe0 ? 0xa0 : 0x80;
          const most: u8 = first == 0xed ? 0x9f : 0xbf;
          const three =
            first >= 0xe0 &&
            first <= 0xef &&
            second >= least &&
            second <= most &&
            third >= 0x80 &&
            third <= 0xbf;
          same(
            stringOf([<u8>first, second, third]).startsWith("['"),
            three || (two && third < 0x80),
            `${first} ${second} ${third}`,
          );
        }
      }
    }
  });
});

describe("member names", () => {
  it("that stand twice in an object are refused, and the name is told", () => {
    expect(read('{"a":1,"b":2,"a":3}')).toBe('refused: line 1, column 20: duplicate member "a"');
  });

  it("are compared after decoding", () => {
    expect(problem('{"a":1,"\\u0061":2}')).toBe('duplicate member "a"');
    expect(problem('{"":1,"":2}')).toBe('duplicate member ""');
  });

  it("that stand twice among many are refused too, first, last or in the middle", () => {
    for (let twice = 0; twice < 40; twice++) {
      let document = "{";
      for (let at = 0; at < 40; at++) document += `"n${at}":0,`;
      same(problem(document + `"n${twice}":1}`), `duplicate member "n${twice}"`);
    }
  });

  it("may be the same in different objects, and differ in case", () => {
    expect(read('{"a":{"a":1},"b":{"a":2},"A":3}')).toBe("{a:{a:1},b:{a:2},A:3}");
  });

  it("may be very many", () => {
    let document = "{";
    for (let at = 0; at < 5000; at++) document += `"n${at}":${at},`;
    resetArena();
    const node = parseJson(bytes(document + '"last":0}'))!;
    expect(node.count).toBe(5001);
    expect(text(node.member(bytes("n4321"))!.text)).toBe("4321");
  });

  it("at every number from 1 to 40 are all seen as different, and as the same", () => {
    for (let count = 1; count <= 40; count++) {
      let members = "";
      for (let at = 0; at < count; at++) members += `"n${at}":0,`;
      same(read("{" + members + '"last":0}').startsWith("{n0:0"), true, `${count} members`);
      same(read("{" + members + '"n0":0}').startsWith("refused: "), true, `${count} members`);
    }
  });
});

describe("limits", () => {
  it("allow 64 levels and refuse 65, of arrays, of objects, and of empty ones within", () => {
    const depth = <i32>MAX_DEPTH;
    const refused = "nested deeper than 64 levels";
    expect(read("[".repeat(depth) + "]".repeat(depth)).startsWith("[[")).toBe(true);
    expect(read("[".repeat(depth) + "1" + "]".repeat(depth)).startsWith("[[")).toBe(true);
    expect(problem("[".repeat(depth + 1) + "1" + "]".repeat(depth + 1))).toBe(refused);
    expect(problem("[".repeat(depth + 1) + "]".repeat(depth + 1))).toBe(refused);
    expect(read('{"a":'.repeat(depth - 1) + "{}" + "}".repeat(depth - 1)).startsWith("{a:")).toBe(true);
    expect(problem('{"a":'.repeat(depth) + "{}" + "}".repeat(depth))).toBe(refused);
    expect(problem('{"a":['.repeat(40))).toBe(refused);
  });

  it("count depth, not the number of arrays", () => {
    expect(read("[" + "[[]],".repeat(200) + "1]").length > 800).toBe(true);
  });

  it("hold for a million brackets without a trap", () => {
    expect(problem("[".repeat(1000000))).toBe("nested deeper than 64 levels");
    expect(problem('{"a":'.repeat(200000))).toBe("nested deeper than 64 levels");
  });

  it("allow a document of 16 MiB and refuse a byte more", () => {
    const document = heap.alloc(MAX_BYTES + 1);
    memory.fill(document, 0x20, MAX_BYTES + 1);
    store<u8>(document + MAX_BYTES - 1, 0x31);
    expect(readBytes(bytesOf(document, MAX_BYTES))).toBe("1");
    expect(readBytes(bytesOf(document, MAX_BYTES + 1))).toBe("refused: larger than 16777216 bytes");
    heap.free(document);
  });
});

describe("a name in a message", () => {
  it("stands in double quotes, control characters as question marks, other bytes as they are", () => {
    expect(quoted(bytes("x-user"))).toBe('"x-user"');
    expect(quoted(around("a", [0x01, 0xff, 0x1f], "b"))).toBe('"a?\u00ff?b"');
    expect(quoted(bytes("é"))).toBe('"\u00c3\u00a9"');
  });

  it("is shortened to 64 bytes, never within a character", () => {
    expect(quoted(bytes("x".repeat(64)))).toBe('"' + "x".repeat(64) + '"');
    expect(quoted(bytes("x".repeat(65)))).toBe('"' + "x".repeat(64) + '..."');
    expect(quoted(bytes("x".repeat(63) + "ééé"))).toBe('"' + "x".repeat(63) + '\u00c3\u00a9..."');
  });
});

/** What a quiet parser makes of a document. */
function quietly(document: string): string {
  resetArena();
  const node = parseJsonQuietly(bytes(document));
  return node == null ? "refused" : render(node);
}

/** An object with so many members, of which the last has the name of the one at `twice`; -1 for none. */
function members(count: i32, twice: i32 = -1): string {
  let text = "{";
  for (let at = 0; at < count; at++) {
    if (at > 0) text += ",";
    const number = at == count - 1 && twice >= 0 ? twice : at;
    // Of lengths and beginnings of several kinds, in no order.
    text += `"${(number * 7919) % 10007}${number % 3 == 0 ? "x" : ""}":${at}`;
  }
  return text + "}";
}

describe("a quiet parser", () => {
  it("reads what the other one does", () => {
    const documents = [
      '{"a":[1,true,null,{"b":"\\u00e9\\n"}]}',
      "[]",
      '""',
      "-1.5e3",
      members(3),
      members(400),
    ];
    for (let at = 0; at < documents.length; at++) expect(quietly(documents[at])).toBe(read(documents[at]));
  });

  it("refuses what the other one does, and says nothing of it", () => {
    read("[");
    const told = jsonProblem;
    const documents = [
      "",
      "{",
      "[1",
      '{"a"}',
      '{"a":}',
      "{a:1}",
      '{"a":1,}',
      "01",
      "1.",
      "tru",
      '"a',
      '"\\x"',
      '"\\u00"',
      '"\\u0000"',
      '"\\ud800"',
      "1 2",
      '{"a":1]',
      '{"a":1,"a":2}',
      "[".repeat(65),
    ];
    for (let at = 0; at < documents.length; at++) {
      same(quietly(documents[at]), "refused", documents[at]);
      same(jsonProblem, told);
      same(read(documents[at]).startsWith("refused"), true, documents[at]);
      read("[");
    }
  });

  it("finds a name that is there twice among many, wherever it is", () => {
    for (let count = 17; count < 60; count++) {
      same(quietly(members(count)) == "refused", false, `${count} members`);
      for (let twice = 0; twice < count - 1; twice++)
        same(quietly(members(count, twice)), "refused", `${count} members, ${twice} twice`);
    }
  });
});
