import { ABSENT, lengthOf } from "../../assembly/bytes/bytes";
import { pathOf } from "../../assembly/json/config-reader";
import { alternatives, isWord } from "../../assembly/json/words";
import { JsonNode } from "../../assembly/json/node";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes, text } from "./texts";

/** The value at the end of the way by first children: `{"a": [[1]]}` has four. */
function innermost(document: string): JsonNode {
  let node = parsed(bytes(document));
  while (true) {
    const first = node.first;
    if (first == null) return node;
    node = first;
  }
}

function path(document: string): string {
  return pathOf(innermost(document));
}

/** What is said of the member `a` when a header's name is expected, or the name. */
function headerName(value: string): string {
  const reader = newReader();
  const name = reader.headerName(parsed(bytes(`{"a":${value}}`)).first!);
  same(reader.failed, name == ABSENT);
  return reader.failed ? reader.report() : text(name);
}

function name(value: string): string {
  const reader = newReader();
  const read = reader.name(parsed(bytes(`{"a":${value}}`)).first!);
  same(reader.failed, read == ABSENT);
  return reader.failed ? reader.report() : text(read);
}

function number(value: string, least: i32, most: i32): string {
  const reader = newReader();
  const read = reader.number(parsed(bytes(`{"a":${value}}`)).first!, least, most);
  same(reader.failed, isNaN(read));
  return reader.failed ? reader.report() : read.toString();
}

describe("the path of a value", () => {
  it("is `configuration` for the document itself", () => {
    expect(path("1")).toBe("configuration");
  });

  it("joins members by dots and gives elements their position", () => {
    expect(path('{"a":1}')).toBe("a");
    expect(path('{"rules":[{"match":{"headers":{"x-user":1}}}]}')).toBe("rules[0].match.headers.x-user");
    expect(path("[[1]]")).toBe("[0][0]");
    const rules = parsed(bytes('{"rules":[0,1,{"match":{"headers":{"x-user":1}}}]}')).first!;
    expect(pathOf(rules.last!.first!.first!.first!)).toBe("rules[2].match.headers.x-user");
  });

  it("quotes names that could be mistaken", () => {
    expect(path('{"claims":{"a.b":1}}')).toBe('claims["a.b"]');
    expect(path('{"a b":{"c":1}}')).toBe('["a b"].c');
    expect(path('{"a":{"":1}}')).toBe('a[""]');
    expect(path('{"a":{"[0]":1}}')).toBe('a["[0]"]');
    expect(path('{"a":{"é":1}}')).toBe('a["\u00c3\u00a9"]');
    expect(path('{"a":{"x\\ny":1}}')).toBe('a["x?y"]');
    expect(path('{"a":{"' + "x".repeat(64) + '":1}}')).toBe('a["' + "x".repeat(64) + '"]');
    expect(path('{"a":{"' + "x".repeat(63) + '":1}}')).toBe("a." + "x".repeat(63));
    expect(path('{"a":{":path":1}}')).toBe("a.:path");
    expect(path('{"a":{"x_y-Z9":1}}')).toBe("a.x_y-Z9");
  });
});

describe("problems", () => {
  it("are none at first", () => {
    const reader = newReader();
    expect(reader.failed).toBe(false);
    expect(reader.report()).toBe("");
  });

  it("are collected, each on a line with its path, in their order", () => {
    const reader = newReader();
    const node = parsed(bytes('{"a":1,"b":{"c":"x","d":[true]},"e":null}'));
    reader.object(node, "b e");
    const b = reader.member(node, "b")!;
    reader.boolean(b, "c", false);
    reader.list(b, "c");
    reader.missing(b, "f", "a name");
    reader.missing(node, "g", "a list");
    reader.unexpected(reader.member(b, "d")!.first!, "a number");
    expect(reader.failed).toBe(true);
    expect(reader.report()).toBe(
      "a: unknown field; expected b or e\n" +
        'b.c: expected true or false, got "x"\n' +
        'b.c: expected a list, got "x"\n' +
        "b.f: required; expected a name\n" +
        "g: required; expected a list\n" +
        "b.d[0]: expected a number, got true",
    );
  });

  it("beyond 50 are counted", () => {
    let document = "{";
    for (let at = 0; at < 60; at++) document += `"f${at}":1,`;
    const reader = newReader();
    reader.object(parsed(bytes(document + '"z":1}')), "z");
    const lines = reader.report().split("\n");
    expect(lines.length).toBe(51);
    expect(lines[0]).toBe("f0: unknown field; expected z");
    expect(lines[49]).toBe("f49: unknown field; expected z");
    expect(lines[50]).toBe("and 10 more");
  });

  it("exactly 50 are all spelled out", () => {
    const reader = newReader();
    const node = parsed(bytes("{}"));
    for (let at = 0; at < 50; at++) reader.missing(node, `f${at}`, "x");
    expect(reader.report().split("\n").length).toBe(50);
    reader.missing(node, "one", "x");
    expect(reader.report().endsWith("f49: required; expected x\nand 1 more")).toBe(true);
  });

  it("show what was there, whatever it was", () => {
    const reader = newReader();
    const node = parsed(bytes('["text",12.50,-1e9,true,null,{"a":1},[1],"' + "y".repeat(80) + '"]'));
    let child = node.first;
    while (child != null) {
      reader.unexpected(child, "x");
      child = child.next;
    }
    expect(reader.report()).toBe(
      '[0]: expected x, got "text"\n' +
        "[1]: expected x, got 12.50\n" +
        "[2]: expected x, got -1e9\n" +
        "[3]: expected x, got true\n" +
        "[4]: expected x, got null\n" +
        "[5]: expected x, got an object\n" +
        "[6]: expected x, got a list\n" +
        '[7]: expected x, got "' +
        "y".repeat(64) +
        '..."',
    );
  });

  it("show the first 64 digits of a very long number", () => {
    const reader = newReader();
    reader.unexpected(parsed(bytes("1".repeat(300))), "x");
    expect(reader.report()).toBe("configuration: expected x, got " + "1".repeat(64) + "...");
  });
});

describe("an object", () => {
  it("is nothing else", () => {
    const values = ["[]", '"a"', "1", "true", "null"];
    const shown = ["an empty list", '"a"', "1", "true", "null"];
    for (let at = 0; at < values.length; at++) {
      const reader = newReader();
      same(reader.object(parsed(bytes(values[at])), "a"), false);
      same(reader.report(), "configuration: expected an object, got " + shown[at]);
    }
  });

  it("is an object with unknown fields too: the other fields are read", () => {
    const reader = newReader();
    const node = parsed(bytes('{"a":1,"A":2}'));
    expect(reader.object(node, "a b c")).toBe(true);
    expect(reader.knows(node, "a A")).toBe(true);
    expect(reader.report()).toBe("A: unknown field; expected a, b or c");
  });

  it("has no member where it is missing, and one where it is null", () => {
    const reader = newReader();
    const node = parsed(bytes('{"a":null,"b":false}'));
    expect(reader.member(node, "a") == null).toBe(false);
    expect(reader.member(node, "c") == null).toBe(true);
    expect(reader.member(node, "b") == null).toBe(false);
    expect(reader.failed).toBe(false);
  });
});

describe("typed values", () => {
  it("are what is written, or the default where nothing is", () => {
    const reader = newReader();
    const node = parsed(bytes('{"yes":true,"no":false,"one":"one","two":"two","list":[1]}'));
    expect(reader.boolean(node, "yes", false)).toBe(true);
    expect(reader.boolean(node, "no", true)).toBe(false);
    expect(reader.boolean(node, "absent", true)).toBe(true);
    expect(reader.boolean(node, "absent", false)).toBe(false);
    expect(reader.choice(node, "one", "one two", 9)).toBe(0);
    expect(reader.choice(node, "two", "one two", 9)).toBe(1);
    expect(reader.choice(node, "absent", "one two", 9)).toBe(9);
    expect(reader.list(node, "list")!.count).toBe(1);
    expect(reader.list(node, "absent") == null).toBe(true);
    expect(text(reader.text(node.first!.next!.next!))).toBe("one");
    expect(reader.failed).toBe(false);
  });

  it("that are null are problems", () => {
    const reader = newReader();
    const node = parsed(bytes('{"a":null}'));
    expect(reader.boolean(node, "a", true)).toBe(true);
    expect(reader.list(node, "a") == null).toBe(true);
    expect(reader.choice(node, "a", "one", 9)).toBe(9);
    expect(reader.report()).toBe(
      "a: expected true or false, got null\na: expected a list, got null\na: expected one, got null",
    );
  });

  it("of the wrong type are problems and count as absent", () => {
    const reader = newReader();
    const node = parsed(bytes('{"a":"true","b":1,"c":{},"d":["x"]}'));
    expect(reader.boolean(node, "a", true)).toBe(true);
    expect(reader.boolean(node, "b", false)).toBe(false);
    expect(reader.choice(node, "b", "second minute hour", 7)).toBe(7);
    expect(reader.choice(node, "a", "second minute hour", 7)).toBe(7);
    expect(reader.list(node, "c") == null).toBe(true);
    expect(reader.text(node.last!)).toBe(ABSENT);
    expect(reader.text(node.last!, "a path")).toBe(ABSENT);
    expect(reader.report()).toBe(
      'a: expected true or false, got "true"\n' +
        "b: expected true or false, got 1\n" +
        "b: expected second, minute or hour, got 1\n" +
        'a: expected second, minute or hour, got "true"\n' +
        "c: expected a list, got an object\n" +
        "d: expected a string, got a list\n" +
        "d: expected a path, got a list",
    );
  });

  it("that are texts outlive the document", () => {
    const reader = newReader();
    const kept = reader.text(parsed(bytes('"a text"')));
    parsed(bytes('"X XXXX"'));
    expect(text(kept)).toBe("a text");
    expect(reader.text(parsed(bytes('""')))).not.toBe(ABSENT);
  });
});

describe("a number in a configuration", () => {
  it("lies between its bounds, both included", () => {
    expect(number("1", 1, 100)).toBe("1.0");
    expect(number("100", 1, 100)).toBe("100.0");
    expect(number("12.5", 0, 100)).toBe("12.5");
    expect(number("-0", 0, 100)).toBe("0.0");
  });

  it("is refused beyond them, and at infinity", () => {
    const said = "a: expected a number from ";
    expect(number("0", 1, 100).startsWith(said)).toBe(true);
    expect(number("0.999", 1, 100).startsWith(said)).toBe(true);
    expect(number("100.001", 1, 100).startsWith(said)).toBe(true);
    expect(number("1e400", 1, 100).endsWith(", got 1e400")).toBe(true);
    expect(number("-1e400", 1, 100).endsWith(", got -1e400")).toBe(true);
    expect(number("9".repeat(300), 1, 100).startsWith(said)).toBe(true);
  });

  it("is refused when it is none", () => {
    expect(number('"5"', 1, 100).endsWith(', got "5"')).toBe(true);
    expect(number('"NaN"', 1, 100).endsWith(', got "NaN"')).toBe(true);
    expect(number("true", 1, 100).endsWith(", got true")).toBe(true);
    expect(number("[]", 1, 100).endsWith(", got an empty list")).toBe(true);
  });

  it("has its bounds told as a user writes them", () => {
    expect(number("0", 1, 100)).toBe("a: expected a number from 1 to 100, got 0");
    expect(number("7", 0, 2)).toBe("a: expected a number from 0 to 2, got 7");
  });
});

describe("a name", () => {
  it("has 1 to 63 letters, digits, underscores, dots and hyphens", () => {
    expect(name('"beta-users"')).toBe("beta-users");
    expect(name('"A.b_9-"')).toBe("A.b_9-");
    expect(name('"' + "x".repeat(63) + '"')).toBe("x".repeat(63));
  });

  it("is refused otherwise", () => {
    const wrong = [
      '""',
      '"a b"',
      '"a/b"',
      '"é"',
      '"a\\n"',
      '"a:b"',
      '"' + "x".repeat(64) + '"',
      "1",
      "null",
      "{}",
    ];
    for (let at = 0; at < wrong.length; at++) {
      same(
        name(wrong[at]).startsWith("a: expected a name of 1 to 63 characters out of A-Z a-z 0-9 _ . -, got "),
        true,
        wrong[at],
      );
    }
  });
});

describe("the name of a header", () => {
  it("is folded to lower case", () => {
    expect(headerName('"X-User-ID"')).toBe("x-user-id");
    expect(headerName('"x"')).toBe("x");
  });

  it("has the characters of RFC 9110 §5.6.2 and no other", () => {
    const marks = "!#$%&'*+-.^_`|~";
    for (let byte = 0x21; byte < 0x7f; byte++) {
      const character = String.fromCharCode(byte);
      const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
      const digit = byte >= 0x30 && byte <= 0x39;
      const good = letter || digit || marks.includes(character);
      const escaped = byte == 0x22 || byte == 0x5c ? "\\" + character : character;
      same(headerName('"x' + escaped + '"').startsWith("x"), good, character);
    }
    expect(headerName('"x y"')).toBe('a: expected the name of a header, got "x y"');
    expect(headerName('"é"')).toBe('a: expected the name of a header, got "\u00c3\u00a9"');
  });

  it("is neither empty nor longer than 255 bytes nor anything but a string", () => {
    expect(headerName('""')).toBe('a: expected the name of a header, got ""');
    expect(headerName('"' + "x".repeat(255) + '"')).toBe("x".repeat(255));
    expect(headerName('"' + "x".repeat(256) + '"').startsWith("a: expected")).toBe(true);
    expect(headerName("5")).toBe("a: expected the name of a header, got 5");
    expect(headerName('":path"')).toBe('a: expected the name of a header, got ":path"');
  });
});

describe("words", () => {
  it("are joined for a message", () => {
    expect(alternatives("a")).toBe("a");
    expect(alternatives("a b")).toBe("a or b");
    expect(alternatives("a b c")).toBe("a, b or c");
  });

  it("are recognised whole and by case", () => {
    expect(isWord(bytes("suite"), "suite")).toBe(true);
    expect(isWord(bytes("suites"), "suite")).toBe(false);
    expect(isWord(bytes("suit"), "suite")).toBe(false);
    expect(isWord(bytes("Suite"), "suite")).toBe(false);
    expect(lengthOf(bytes(""))).toBe(0);
    expect(isWord(bytes(""), "")).toBe(true);
  });
});
