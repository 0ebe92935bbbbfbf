import { HeaderMapTypeValues, WasmResultValues } from "../../assembly/abi/values";
import { resetArena } from "../../assembly/bytes/arena";
import { Bytes, bytesOf, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { HeaderPair, readPairs, stream_context, utf8, writePairs } from "../../assembly/stream-context";
import { host, hostHasHeaders, resetHost } from "./mock-host";
import { same } from "./same";
import { text } from "./texts";

function shown(pairs: HeaderPair[]): string {
  return pairs.map<string>((pair) => pair.key + "=" + pair.value).join("\n");
}

function twoPairs(): Bytes {
  return writePairs([new HeaderPair("a", "1"), new HeaderPair("bb", "22")]);
}

describe("headers by texts", () => {
  beforeEach(() => {
    resetHost();
    resetArena();
    hostHasHeaders(":method=GET\nx-user=a\nx-user=b\nx-empty=");
    hostHasHeaders(":status=200", HeaderMapTypeValues.ResponseHeaders);
  });

  it("are got by name: the first value, or the empty text", () => {
    expect(stream_context.headers.request.get("x-user")).toBe("a");
    expect(stream_context.headers.request.get("x-empty")).toBe("");
    expect(stream_context.headers.request.get("x-none")).toBe("");
    expect(stream_context.headers.response.get(":status")).toBe("200");
  });

  it("are got with all values", () => {
    expect(stream_context.headers.request.get_all("x-user").join("|")).toBe("a|b");
    expect(stream_context.headers.request.get_all("x-none").length).toBe(0);
  });

  it("are got all at once", () => {
    expect(shown(stream_context.headers.request.get_headers())).toBe(
      ":method=GET\nx-user=a\nx-user=b\nx-empty=",
    );
    expect(stream_context.trailers.request.get_headers().length).toBe(0);
  });

  it("are added, replaced and removed at the host", () => {
    const headers = stream_context.headers.request;
    expect(headers.add("x-new", "1")).toBe(WasmResultValues.Ok);
    headers.replace("x-user", "c");
    headers.remove("x-empty");
    expect(host("headers 0")).toBe(":method=GET\nx-new=1\nx-user=c");
    stream_context.headers.response.add("x-response", "r");
    expect(host("headers 2")).toBe(":status=200\nx-response=r");
  });

  it("are replaced all at once", () => {
    stream_context.headers.request.set_headers([new HeaderPair(":method", "PUT"), new HeaderPair("x", "")]);
    expect(host("headers 0")).toBe(":method=PUT\nx=");
    stream_context.headers.request.set_headers([]);
    expect(host("headers 0")).toBe("");
  });

  it("of trailers have maps of their own", () => {
    stream_context.trailers.request.add("t", "1");
    stream_context.trailers.response.add("u", "2");
    expect(host("headers 1")).toBe("t=1");
    expect(host("headers 3")).toBe("u=2");
  });
});

describe("serialized pairs", () => {
  beforeEach(() => {
    resetArena();
  });

  it("are read as they were written, beyond ASCII and empty", () => {
    const pairs = [
      new HeaderPair("a", "1"),
      new HeaderPair("é", "日本"),
      new HeaderPair("e", ""),
      new HeaderPair("", ""),
    ];
    expect(shown(readPairs(writePairs(pairs)))).toBe("a=1\né=日本\ne=\n=");
    expect(readPairs(writePairs([])).length).toBe(0);
  });

  it("have the size that the host expects", () => {
    const pairs = twoPairs();
    expect(lengthOf(pairs)).toBe(30);
    expect(load<u8>(pointerOf(pairs) + 29)).toBe(0);
  });

  it("that are cut give no pair that was cut, and never trap", () => {
    const whole = twoPairs();
    for (let length: u32 = 0; length < lengthOf(whole); length++) {
      const read = readPairs(bytesOf(pointerOf(whole), length));
      same(read.length, length >= 24 ? 1 : 0, `cut at ${length}`);
    }
  });

  it("that lie about lengths or their number give none behind the lie", () => {
    const lies: u32[] = [30, 1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
    for (let at = 0; at < lies.length; at++) {
      for (let field: usize = 0; field < 20; field += 4) {
        const pairs = twoPairs();
        store<u32>(pointerOf(pairs) + field, lies[at]);
        same(readPairs(pairs).length, field < 12 ? 0 : 1, `field at ${field}, ${lies[at]}`);
      }
    }
  });
});

describe("UTF-8 of a text", () => {
  it("has every character", () => {
    expect(text(utf8("aé日\u{1f600}"))).toBe("aé日\u{1f600}");
    expect(lengthOf(utf8("aé日\u{1f600}"))).toBe(10);
    expect(lengthOf(utf8(""))).toBe(0);
  });
});
