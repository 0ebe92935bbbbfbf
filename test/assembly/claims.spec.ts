import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf, slice } from "../../assembly/bytes/bytes";
import {
  claimElements,
  claimPath,
  claimText,
  countElements,
  elementLength,
  firstElement,
  isStructure,
} from "../../assembly/claims";
import { readRequestMatch } from "../../assembly/match/request-match";
import { RequestView } from "../../assembly/request-view";
import { hostHasHeaders, hostHasProperty, resetHost } from "./mock-host";
import { Random } from "./random";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes, joined, raw, text } from "./texts";

const PAYLOAD = "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload\0";

/** Pairs as the host writes them. */
function structure(texts: Bytes[]): Bytes {
  const count = texts.length / 2;
  let head = raw([<u8>count, <u8>(count >> 8), <u8>(count >> 16), 0]);
  let data = raw([]);
  for (let at = 0; at < texts.length; at++) {
    const length = lengthOf(texts[at]);
    head = joined(head, raw([<u8>length, <u8>(length >> 8), <u8>(length >> 16), 0]));
    data = joined(data, joined(texts[at], raw([0])));
  }
  return joined(head, data);
}

function list(elements: Bytes[]): Bytes {
  const pairs: Bytes[] = [];
  for (let at = 0; at < elements.length; at++) {
    pairs.push(elements[at]);
    pairs.push(bytes(""));
  }
  return structure(pairs);
}

/** The host has this claim. */
function claimIs(name: string, value: Bytes, first: Bytes = ABSENT): void {
  hostHasProperty(PAYLOAD + name, value);
  if (first != ABSENT) hostHasProperty(PAYLOAD + name + "\0" + "0", first);
}

/** The elements, joined by `|`; `none` when the value has no elements, being no list. */
function elements(name: string, value: Bytes): string {
  resetArena();
  const found = claimElements(claimPath(bytes(name)), value);
  if (found == ABSENT) return "none";
  let all = "";
  let at = firstElement(found);
  for (let i: u32 = 0; i < countElements(found); i++) {
    const length = elementLength(found, i);
    const offset = <u32>(at - pointerOf(found));
    all += (i > 0 ? "|" : "") + text(slice(found, offset, offset + length));
    at += length + 2;
  }
  return all;
}

function number(value: f64): Bytes {
  const pointer = heap.alloc(8);
  store<f64>(pointer, value);
  return bytesOf(pointer, 8);
}

function path(name: string): string {
  resetArena();
  const found = text(claimPath(bytes(name)));
  return found.startsWith(PAYLOAD) ? found.substring(PAYLOAD.length).replaceAll("\0", " > ") : found;
}

const request = new RequestView();

/** Whether `match` holds for what the host has. */
function holds(match: string): bool {
  const reader = newReader();
  const matcher = readRequestMatch(reader, parsed(bytes('{"claims":' + match + "}")));
  same(reader.report(), "", match);
  resetArena();
  hostHasHeaders(":method=GET\n:path=/");
  same(request.load(), true);
  return matcher.matches(request);
}

describe("the name of a claim", () => {
  it("is a path of members", () => {
    expect(path("sub")).toBe("sub > 0");
    expect(path("realm.roles")).toBe("realm > roles > 0");
    expect(path("[https://example.com/role]")).toBe("https://example.com/role > 0");
    expect(path("[realm][roles]")).toBe("realm > roles > 0");
    expect(path("realm[a.b].c")).toBe("realm > a.b > c > 0");
    expect(path("[a].b")).toBe("a > b > 0");
    expect(path("[a.[b]")).toBe("a.[b > 0");
    expect(path("a]")).toBe("a] > 0");
  });

  it("is refused where a member has no name", () => {
    const wrong = [
      "",
      ".",
      "a.",
      ".a",
      "a..b",
      "[",
      "[]",
      "[a",
      "[a]b",
      "[][a]",
      "a[",
      "a[]",
      "a.[",
      "a\0b",
      "[a\0]",
    ];
    for (let at = 0; at < wrong.length; at++) same(path(wrong[at]), "<absent>", wrong[at]);
  });
});

describe("a claim's value", () => {
  beforeEach(() => resetHost());

  it("is a list when its first element can be asked for", () => {
    const value = list([bytes("a"), bytes("bb"), bytes("")]);
    claimIs("x", value, bytes("a"));
    expect(elements("x", value)).toBe("a|bb|");
  });

  it("is no list without the first element: an object, or a text of such bytes", () => {
    const value = list([bytes("a"), bytes("bb")]);
    claimIs("x", value);
    expect(elements("x", value)).toBe("");
    claimIs("x", value, bytes("b"));
    expect(elements("x", value)).toBe("");
  });

  it("is no list when its pairs have values, whatever is there for the first element", () => {
    const value = structure([bytes("a"), bytes("b"), bytes("0"), bytes("a")]);
    claimIs("x", value, bytes("a"));
    expect(elements("x", value)).toBe("");
  });

  it("may be empty", () => {
    expect(elements("x", raw([0, 0, 0, 0]))).toBe("");
  });

  it("is a text unless all its bytes are pairs", () => {
    expect(elements("x", ABSENT)).toBe("none");
    expect(elements("x", bytes(""))).toBe("none");
    expect(elements("x", raw([0, 0, 0]))).toBe("none");
    expect(elements("x", raw([0, 0, 0, 0, 0]))).toBe("none");
    expect(elements("x", raw([1, 0, 0, 0]))).toBe("none");
    expect(elements("x", raw([255, 255, 255, 255]))).toBe("none");
    expect(elements("x", raw([255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toBe("none");
    // Lengths that would wrap, or point behind the end.
    expect(elements("x", raw([1, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0]))).toBe("none");
    expect(elements("x", raw([1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 0x61, 0, 0]))).toBe("none");
    expect(elements("x", raw([1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x61, 0, 0]))).toBe("none");
    expect(elements("x", raw([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x61, 0, 0]))).toBe("none");
  });

  it("is decided for any bytes", () => {
    const random = new Random(7);
    for (let run = 0; run < 20000; run++) {
      const length = random.below(40);
      const pointer = heap.alloc(length);
      // Mostly small numbers, which pass for counts and lengths.
      for (let at = 0; at < length; at++)
        store<u8>(pointer + at, random.once(8) ? <u8>random.below(256) : <u8>random.below(3));
      const value = bytesOf(pointer, length);
      resetArena();
      const found = isStructure(value);
      if (found) {
        let size: u64 = 4;
        const count = countElements(value);
        for (let at: u32 = 0; at < 2 * count; at++) size += 5 + load<u32>(pointer + 4 + at * 4);
        same(size, <u64>length);
      }
      claimText(value);
      heap.free(pointer);
    }
  });

  it("is written as text: booleans, and whole numbers in digits", () => {
    expect(text(claimText(raw([1])))).toBe("true");
    expect(text(claimText(raw([0])))).toBe("false");
    expect(text(claimText(bytes("1")))).toBe("1");
    expect(text(claimText(number(0)))).toBe("0");
    expect(text(claimText(number(-0.0)))).toBe("0");
    expect(text(claimText(number(7)))).toBe("7");
    expect(text(claimText(number(-42)))).toBe("-42");
    expect(text(claimText(number(35184372088832)))).toBe("35184372088832");
    expect(text(claimText(number(1e15)))).toBe("1000000000000000");
    expect(text(claimText(bytes("12345678")))).toBe("12345678");
  });

  it("stays as it is where a number is none of these", () => {
    const others: f64[] = [1.5, Infinity, -Infinity, NaN, 1e300, 9007199254740992, f64.MIN_VALUE];
    for (let at = 0; at < others.length; at++) {
      const value = number(others[at]);
      same(claimText(value), value, others[at].toString());
    }
  });
});

describe("a match on claims", () => {
  beforeEach(() => resetHost());

  it("takes any element of a list, as text", () => {
    const value = list([bytes("Beta"), number(12), raw([1]), number(0x41424344)]);
    claimIs("x", value, bytes("Beta"));
    expect(holds('{"x":"Beta"}')).toBe(true);
    expect(holds('{"x":"12"}')).toBe(true);
    expect(holds('{"x":"true"}')).toBe(true);
    expect(holds('{"x":"1094861636"}')).toBe(true);
    expect(holds('{"x":{"exact":"1094861636","ignoreCase":true}}')).toBe(true);
    expect(holds('{"x":{"exact":"BETA","ignoreCase":true}}')).toBe(true);
    expect(holds('{"x":{"in":["a","true"],"ignoreCase":true}}')).toBe(true);
    expect(holds('{"x":"beta"}')).toBe(false);
    expect(holds('{"x":{"exact":"12","not":true}}')).toBe(false);
    expect(holds('{"x":{"exact":"13","not":true}}')).toBe(true);
  });

  it("takes a list and an object for present, whatever is in them", () => {
    const empty = raw([0, 0, 0, 0]);
    const object = structure([bytes("admin"), bytes("yes")]);
    const values = [empty, object];
    for (let at = 0; at < values.length; at++) {
      claimIs("x", values[at]);
      expect(holds('{"x":{"present":true}}')).toBe(true);
      expect(holds('{"x":{"present":true,"not":true}}')).toBe(false);
      expect(holds('{"x":{"contains":"adm"}}')).toBe(false);
      expect(holds('{"x":""}')).toBe(false);
      expect(holds('{"x":{"contains":"adm","not":true}}')).toBe(true);
    }
    expect(holds('{"y":{"present":true}}')).toBe(false);
    expect(holds('{"y":{"present":true,"not":true}}')).toBe(true);
  });

  it("compares nothing with an element that is a list or an object", () => {
    const inner = structure([bytes("admin"), bytes("yes")]);
    claimIs("x", list([inner, bytes("b")]), inner);
    expect(holds('{"x":{"contains":"adm"}}')).toBe(false);
    expect(holds('{"x":"b"}')).toBe(true);
  });

  it("goes through a list of a hundred thousand elements", () => {
    const count: u32 = 100000;
    // A count, and for each two lengths and two NUL: of elements of one byte.
    const size = 4 + count * 11;
    const pointer = heap.alloc(size);
    memory.fill(pointer, 0, size);
    store<u32>(pointer, count);
    for (let at: u32 = 0; at < count; at++) {
      store<u32>(pointer + 4 + at * 8, 1);
      store<u8>(pointer + 4 + count * 8 + at * 3, 0x61);
    }
    claimIs("x", bytesOf(pointer, size), bytes("a"));
    expect(holds('{"x":"b"}')).toBe(false);
    expect(holds('{"x":"a"}')).toBe(true);
    expect(holds('{"x":{"exact":"B","ignoreCase":true}}')).toBe(false);
    heap.free(pointer);
  });

  it("reads each request anew", () => {
    claimIs("x", bytes("a"));
    expect(holds('{"x":"a"}')).toBe(true);
    resetHost();
    expect(holds('{"x":"a"}')).toBe(false);
    claimIs("x", list([bytes("a")]), bytes("a"));
    expect(holds('{"x":"a"}')).toBe(true);
  });
});
