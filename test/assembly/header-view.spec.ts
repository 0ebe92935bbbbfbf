import { HeaderMapTypeValues } from "../../assembly/abi/values";
import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { beginValues, nextValue } from "../../assembly/header-values";
import { HeaderView } from "../../assembly/header-view";
import { callsOf, host, hostHasHeaders, hostHasPairs, resetHost } from "./mock-host";
import { same } from "./same";
import { bytes, raw, text } from "./texts";

const headers = new HeaderView();

/** Reads the view of a request with these headers. */
function load(lines: string): void {
  resetArena();
  hostHasHeaders(lines);
  expect(headers.load(HeaderMapTypeValues.RequestHeaders)).toBe(true);
}

function get(name: string): string {
  return text(headers.get(bytes(name)));
}

/** The values of a header as a walk finds them. */
function values(name: string): string {
  let found = "";
  beginValues(headers, bytes(name));
  for (
    let value = nextValue(headers, bytes(name));
    value != ABSENT;
    value = nextValue(headers, bytes(name))
  ) {
    found += (found == "" ? "" : "|") + text(value);
  }
  return found;
}

/** The host's serialization of `a: 1` and `bb: 22`, for tests that spoil it. */
function twoPairs(): Bytes {
  return raw([
    2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0x61, 0, 0x31, 0, 0x62, 0x62, 0, 0x32, 0x32,
    0,
  ]);
}

/** Whether the view takes these pairs; when it does not it must be empty. */
function takes(pairs: Bytes): bool {
  resetArena();
  hostHasPairs(pairs);
  const taken = headers.load(HeaderMapTypeValues.RequestHeaders);
  if (!taken) {
    same<u32>(headers.size, 0);
    same(headers.has(bytes("a")), false);
    same(headers.get(bytes("")), ABSENT);
  }
  return taken;
}

describe("the headers of a request", () => {
  beforeEach(() => {
    resetHost();
  });

  it("are read by one call to the host, however many are looked up", () => {
    load(":method=GET\n:path=/a\nx-user=u1\nx-user=u2");
    for (let i = 0; i < 100; i++) same(get("x-user"), "u1,u2");
    same(get("x-none"), "<absent>");
    expect(callsOf("proxy_get_header_map_pairs")).toBe(1);
    expect(host("calls")).toBe("proxy_get_header_map_pairs");
  });

  it("are found by their whole name", () => {
    load(":method=GET\nx-user=1\nx-user-id=2\nx=3");
    expect(get("x-user")).toBe("1");
    expect(get("x-user-id")).toBe("2");
    expect(get("x")).toBe("3");
    expect(get("x-use")).toBe("<absent>");
    expect(get("X-User")).toBe("<absent>");
    expect(get("")).toBe("<absent>");
    expect(headers.size).toBe(4);
  });

  it("are told apart whatever lengths their names share, also modulo 64", () => {
    let lines = "";
    for (let length = 1; length <= 140; length++) lines += "n".repeat(length) + `=${length}\n`;
    load(lines + "n".repeat(67) + "=again");
    for (let length = 1; length <= 140; length++) {
      same(get("n".repeat(length)), length == 67 ? "67,again" : `${length}`);
      same(get("m".repeat(length)), "<absent>");
    }
    headers.remove(bytes("n".repeat(3)));
    expect(get("n".repeat(3))).toBe("<absent>");
    expect(get("n".repeat(67))).toBe("67,again");
    headers.add(bytes("m".repeat(67)), bytes("added"));
    expect(get("m".repeat(67))).toBe("added");
    expect(get("n".repeat(67))).toBe("67,again");
  });

  it("with an empty value are present", () => {
    load("x-empty=\nx-last=");
    expect(headers.has(bytes("x-empty"))).toBe(true);
    expect(get("x-empty")).toBe("");
    expect(headers.get(bytes("x-empty"))).not.toBe(ABSENT);
    expect(get("x-last")).toBe("");
    expect(headers.has(bytes("x-none"))).toBe(false);
  });

  it("that come twice are joined by a comma, in their order, empty ones too", () => {
    load("x-user=a\nx-other=o\nx-user=\nx-user=b, c");
    expect(get("x-user")).toBe("a,,b, c");
  });

  it("of cookies are joined by a semicolon", () => {
    load("cookie=a=1\ncookie=b=2; c=3\ncookie2=x\ncookie2=y");
    expect(get("cookie")).toBe("a=1; b=2; c=3");
    expect(get("cookie2")).toBe("x,y");
  });

  it("may be a thousand, of which each is found", () => {
    let lines = "";
    for (let at = 0; at < 1000; at++) lines += `h${at}=v${at}\n`;
    load(lines);
    for (let at = 0; at < 1000; at++) same(get(`h${at}`), `v${at}`);
    expect(headers.size).toBe(1000);
  });

  it("may be long beyond the arena's first chunk", () => {
    load("a=" + "x".repeat(100000) + "\na=" + "y".repeat(100000) + "\nb=end");
    expect(lengthOf(headers.get(bytes("a")))).toBe(200001);
    expect(get("a").slice(99998, 100003)).toBe("xx,yy");
    expect(get("b")).toBe("end");
  });

  it("are not those of the request before", () => {
    load("a=1\nb=2");
    load("a=3");
    expect(get("a")).toBe("3");
    expect(get("b")).toBe("<absent>");
  });

  it("may be none", () => {
    load("");
    expect(headers.size).toBe(0);
    expect(get("a")).toBe("<absent>");
    headers.set(bytes("a"), bytes("1"));
    expect(get("a")).toBe("1");
  });

  it("are those of the map that was asked for", () => {
    resetArena();
    hostHasHeaders("a=request");
    hostHasHeaders("a=response", HeaderMapTypeValues.ResponseHeaders);
    expect(headers.load(HeaderMapTypeValues.ResponseHeaders)).toBe(true);
    expect(get("a")).toBe("response");
    headers.set(bytes("a"), bytes("changed"));
    expect(host("headers 2")).toBe("a=changed");
    expect(host("headers 0")).toBe("a=request");
  });
});

describe("a change of the headers", () => {
  beforeEach(() => {
    resetHost();
    load(":method=GET\na=1\nb=2\na=3\nc=4");
  });

  it("by set replaces all values, for later reads and for the host", () => {
    headers.set(bytes("a"), bytes("new"));
    expect(get("a")).toBe("new");
    expect(get("b")).toBe("2");
    expect(host("headers 0")).toBe(":method=GET\nb=2\nc=4\na=new");
  });

  it("by set makes a header that was not there", () => {
    headers.set(bytes("d"), bytes(""));
    expect(headers.has(bytes("d"))).toBe(true);
    expect(get("d")).toBe("");
    expect(host("headers 0").endsWith("\nd=")).toBe(true);
  });

  it("by set again and again leaves the last value", () => {
    for (let i = 0; i < 100; i++) {
      const value = `v${i}`;
      headers.set(bytes("a"), bytes(value));
      same(get("a"), value);
    }
    expect(host("headers 0")).toBe(":method=GET\nb=2\nc=4\na=v99");
  });

  it("by add stands behind the values that are there", () => {
    headers.add(bytes("a"), bytes("5"));
    headers.add(bytes("d"), bytes("6"));
    expect(get("a")).toBe("1,3,5");
    expect(get("d")).toBe("6");
    expect(host("headers 0")).toBe(":method=GET\na=1\nb=2\na=3\nc=4\na=5\nd=6");
  });

  it("by add is seen for far more headers than there was room for, beside those that came", () => {
    for (let i = 0; i < 500; i++) {
      headers.add(bytes(`n${i}`), bytes(`v${i}`));
      same(get(`n${i}`), `v${i}`);
      same(get("a"), "1,3");
    }
    for (let i = 0; i < 500; i++) same(get(`n${i}`), `v${i}`);
    expect(get("c")).toBe("4");
    expect(host("headers 0").split("\n").length).toBe(505);
  });

  it("by remove takes all values, here and at the host", () => {
    headers.remove(bytes("a"));
    expect(get("a")).toBe("<absent>");
    expect(headers.has(bytes("a"))).toBe(false);
    expect(get("b")).toBe("2");
    expect(host("headers 0")).toBe(":method=GET\nb=2\nc=4");
  });

  it("by remove calls nobody where there is nothing to remove", () => {
    headers.remove(bytes("none"));
    headers.remove(bytes("a"));
    headers.remove(bytes("a"));
    expect(callsOf("proxy_remove_header_map_value")).toBe(1);
  });

  it("by remove takes what was added or set in this callback", () => {
    headers.add(bytes("d"), bytes("1"));
    headers.set(bytes("d"), bytes("2"));
    headers.add(bytes("d"), bytes("3"));
    expect(get("d")).toBe("2,3");
    headers.remove(bytes("d"));
    expect(get("d")).toBe("<absent>");
    headers.add(bytes("d"), bytes("4"));
    expect(get("d")).toBe("4");
    expect(host("headers 0")).toBe(":method=GET\na=1\nb=2\na=3\nc=4\nd=4");
  });

  it("by add leaves the values apart, for who walks over them", () => {
    expect(values("a")).toBe("1|3");
    headers.add(bytes("a"), bytes("5"));
    headers.add(bytes("c"), bytes("6"));
    headers.add(bytes("a"), bytes("7,8"));
    expect(headers.mayRepeat(bytes("c"))).toBe(true);
    expect(values("a")).toBe("7,8|5|1|3");
    expect(values("c")).toBe("6|4");
    expect(get("a")).toBe("1,3,5,7,8");
    headers.set(bytes("a"), bytes("9"));
    expect(values("a")).toBe("9");
    headers.add(bytes("a"), bytes("9"));
    expect(values("a")).toBe("9|9");
    headers.remove(bytes("a"));
    expect(values("a")).toBe("");
    headers.add(bytes("a"), bytes("1"));
    headers.add(bytes("a"), bytes("2"));
    expect(values("a")).toBe("2|1");
    expect(values("b")).toBe("2");
  });

  it("by set is one value, also where it could be what the host's values make", () => {
    const forged = ["1,3", "1;3", "1x3", "1; 3"];
    for (let at = 0; at < forged.length; at++) {
      load("a=1\na=3\nb=1\nb=");
      expect(get("a")).toBe("1,3");
      headers.set(bytes("a"), bytes(forged[at]));
      same(values("a"), forged[at]);
      headers.remove(bytes("a"));
      headers.insert(bytes("a"), bytes(forged[at]));
      same(values("a"), forged[at]);
      headers.remove(bytes("b"));
      headers.add(bytes("b"), bytes("1x"));
      same(values("b"), "1x");
    }
  });

  it("that is pretended is seen here alone, and forgotten", () => {
    headers.set(bytes("b"), bytes("5"));
    const state = headers.state;
    const version = headers.version;
    headers.pretend(bytes("a"), ABSENT);
    headers.pretend(bytes("none"), ABSENT);
    headers.pretend(bytes("c"), bytes("6"));
    headers.pretendAdded(bytes("b"), bytes("7"));
    for (let i = 0; i < 20; i++) headers.pretendAdded(bytes("n"), bytes("8"));
    expect(get("a")).toBe("<absent>");
    expect(get("c")).toBe("6");
    expect(values("b")).toBe("7|5");
    headers.restore(state);
    expect(get("a")).toBe("1,3");
    expect(get("c")).toBe("4");
    expect(get("b")).toBe("5");
    expect(get("n")).toBe("<absent>");
    expect(headers.version).not.toBe(version);
    expect(host("headers 0")).toBe(":method=GET\na=1\na=3\nc=4\nb=5");
  });

  it("is what the host gives when the headers are read again", () => {
    headers.set(bytes("a"), bytes("9"));
    headers.remove(bytes("b"));
    headers.add(bytes("e"), bytes("7"));
    resetArena();
    expect(headers.load(HeaderMapTypeValues.RequestHeaders)).toBe(true);
    expect(get("a")).toBe("9");
    expect(get("b")).toBe("<absent>");
    expect(get("e")).toBe("7");
    expect(headers.size).toBe(4);
  });
});

describe("pairs that are not what the ABI promises", () => {
  beforeEach(() => {
    resetHost();
  });

  it("are none of those in order", () => {
    expect(takes(twoPairs())).toBe(true);
    expect(get("a")).toBe("1");
    expect(get("bb")).toBe("22");
  });

  it("are refused when the host has none to give", () => {
    expect(headers.load(HeaderMapTypeValues.RequestHeaders)).toBe(false);
    expect(headers.size).toBe(0);
    expect(get("a")).toBe("<absent>");
  });

  it("are refused after headers that were good, and nothing of those stays", () => {
    load("a=1");
    expect(takes(raw([9, 0, 0, 0]))).toBe(false);
    expect(get("a")).toBe("<absent>");
  });

  it("are refused when they are cut anywhere", () => {
    const whole = twoPairs();
    for (let length: u32 = 0; length < lengthOf(whole); length++) {
      same(takes(bytesOf(pointerOf(whole), length)), false, `cut at ${length}`);
    }
  });

  it("are refused when they count more than there are", () => {
    const counts: u32[] = [3, 4, 100, 0x10000000, 0x1999999a, 0x20000000, 0x7fffffff, 0x80000000, 0xffffffff];
    for (let at = 0; at < counts.length; at++) {
      const pairs = twoPairs();
      store<u32>(pointerOf(pairs), counts[at]);
      same(takes(pairs), false, `count ${counts[at]}`);
    }
  });

  it("are refused when a length goes beyond the end, also where sums would wrap around", () => {
    const lengths: u32[] = [
      8, 9, 30, 1000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffd, 0xfffffffe, 0xffffffff,
    ];
    for (let field: usize = 4; field < 20; field += 4) {
      for (let at = 0; at < lengths.length; at++) {
        const pairs = twoPairs();
        store<u32>(pointerOf(pairs), lengths[at], 0);
        store<u32>(pointerOf(pairs), 2);
        store<u32>(pointerOf(pairs) + field, lengths[at]);
        same(takes(pairs), false, `field at ${field}, length ${lengths[at]}`);
      }
    }
    const pairs = twoPairs();
    store<u32>(pointerOf(pairs), 0xffffffff, 4);
    store<u32>(pointerOf(pairs), 3, 8);
    expect(takes(pairs)).toBe(false);
    store<u32>(pointerOf(pairs), 0x80000000, 4);
    store<u32>(pointerOf(pairs), 0x80000002, 8);
    expect(takes(pairs)).toBe(false);
  });

  it("never trap, whichever byte is any other", () => {
    const whole = twoPairs();
    let taken = 0;
    let refused = 0;
    for (let at: u32 = 0; at < 20; at++) {
      for (let byte = 0; byte < 256; byte += 3) {
        const pairs = twoPairs();
        store<u8>(pointerOf(pairs) + at, <u8>byte);
        if (takes(pairs)) taken++;
        else refused++;
        headers.add(bytes("a"), bytes("x"));
        same(get("a").endsWith("x"), true);
      }
    }
    expect(lengthOf(whole)).toBe(30);
    expect(taken > 0).toBe(true);
    expect(refused > 1000).toBe(true);
  });
});
