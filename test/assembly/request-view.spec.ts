import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, lengthOf, pointerOf, slice } from "../../assembly/bytes/bytes";
import { percentDecode, RequestView } from "../../assembly/request-view";
import { hostHasHeaders, hostHasPairs, resetHost } from "./mock-host";
import { same } from "./same";
import { bytes, raw, text } from "./texts";

const request = new RequestView();

function arrives(lines: string): void {
  resetArena();
  hostHasHeaders(":method=GET\n" + lines);
  same(request.load(), true);
}

function hostOf(authority: string): string {
  arrives(":authority=" + authority);
  return text(request.host());
}

/** The value of query parameter `name` of a request for `/p?<query>`. */
function param(query: string, name: string): string {
  arrives(":path=/p?" + query);
  return text(request.queryParam(bytes(name)));
}

/** The value of the cookie `name`; several headers stand on several lines. */
function cookie(headers: string, name: string): string {
  arrives("cookie=" + headers.replaceAll("\n", "\ncookie="));
  return text(request.cookie(bytes(name)));
}

describe("a request", () => {
  beforeEach(() => {
    resetHost();
  });

  it("is one only with a method", () => {
    hostHasHeaders(":method=POST");
    expect(request.load()).toBe(true);
    expect(text(request.method())).toBe("POST");
    hostHasHeaders(":path=/\n:authority=a");
    expect(request.load()).toBe(false);
    hostHasHeaders("");
    expect(request.load()).toBe(false);
  });

  it("is none when the host gives nothing, or pairs that are wrong", () => {
    expect(request.load()).toBe(false);
    hostHasPairs(raw([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]));
    expect(request.load()).toBe(false);
    expect(request.method()).toBe(ABSENT);
    expect(request.path()).toBe(ABSENT);
    expect(request.host()).toBe(ABSENT);
    expect(request.query()).toBe(ABSENT);
    expect(request.queryParam(bytes("a"))).toBe(ABSENT);
    expect(request.cookie(bytes("a"))).toBe(ABSENT);
  });

  it("without path, authority and cookies lacks what is made of them", () => {
    arrives("x=1");
    expect(request.path()).toBe(ABSENT);
    expect(request.query()).toBe(ABSENT);
    expect(request.host()).toBe(ABSENT);
    expect(request.queryParam(bytes("a"))).toBe(ABSENT);
    expect(request.cookie(bytes("a"))).toBe(ABSENT);
  });
});

describe("path and query", () => {
  it("are split at the first question mark", () => {
    arrives(":path=/a/b?c=d?e");
    expect(text(request.path())).toBe("/a/b");
    expect(text(request.query())).toBe("c=d?e");
  });

  it("may be without a query, or have an empty one", () => {
    arrives(":path=/a");
    expect(text(request.path())).toBe("/a");
    expect(request.query()).toBe(ABSENT);
    arrives(":path=/a?");
    expect(text(request.path())).toBe("/a");
    expect(text(request.query())).toBe("");
    arrives(":path=?x");
    expect(text(request.path())).toBe("");
    expect(text(request.query())).toBe("x");
    arrives(":path=*");
    expect(text(request.path())).toBe("*");
  });

  it("are as they came: neither decoded nor folded", () => {
    arrives(":path=/A%2Fb/../c;d=1?X=%41");
    expect(text(request.path())).toBe("/A%2Fb/../c;d=1");
    expect(text(request.query())).toBe("X=%41");
  });
});

describe("the host", () => {
  it("has no port and is in lower case", () => {
    expect(hostOf("example.com")).toBe("example.com");
    expect(hostOf("example.com:8080")).toBe("example.com");
    expect(hostOf("EXAMPLE.Com:8080")).toBe("example.com");
    expect(hostOf("EXAMPLE.Com")).toBe("example.com");
    expect(hostOf("10.0.0.1:80")).toBe("10.0.0.1");
    expect(hostOf("a:")).toBe("a");
  });

  it("of an IPv6 address keeps its brackets and loses the port", () => {
    expect(hostOf("[::1]")).toBe("[::1]");
    expect(hostOf("[::1]:8080")).toBe("[::1]");
    expect(hostOf("[2001:DB8::A]:443")).toBe("[2001:db8::a]");
    expect(hostOf("[2001:DB8::A]")).toBe("[2001:db8::a]");
    expect(hostOf("[::1]:")).toBe("[::1]");
  });

  it("of an IPv6 address without brackets is the whole: it has no port", () => {
    expect(hostOf("::1")).toBe("::1");
    expect(hostOf("2001:DB8::A")).toBe("2001:db8::a");
    expect(hostOf("::")).toBe("::");
  });

  it("may be empty, but is then not absent", () => {
    expect(hostOf("")).toBe("");
    expect(hostOf(":")).toBe("");
    expect(hostOf(":80")).toBe("");
  });

  it("stays in one piece when it is no host at all", () => {
    expect(hostOf("a]:1")).toBe("a]");
    expect(hostOf("]")).toBe("]");
    expect(hostOf("[")).toBe("[");
    expect(hostOf("a:b:c")).toBe("a:b:c");
  });
});

describe("a query parameter", () => {
  it("has the value behind the first equals sign", () => {
    expect(param("a=1", "a")).toBe("1");
    expect(param("a=1&b=2", "b")).toBe("2");
    expect(param("a=b=c", "a")).toBe("b=c");
    expect(param("a==", "a")).toBe("=");
    expect(param("x&a=1", "a")).toBe("1");
  });

  it("that comes twice has its first value", () => {
    expect(param("a=1&a=2", "a")).toBe("1");
    expect(param("a&a=2", "a")).toBe("");
    expect(param("a=&a=2", "a")).toBe("");
    expect(param("%61=1&a=2", "a")).toBe("1");
  });

  it("without value or equals sign is present and empty", () => {
    expect(param("a", "a")).toBe("");
    expect(param("a=", "a")).toBe("");
    expect(param("b=1&a", "a")).toBe("");
    expect(param("a&b=1", "a")).toBe("");
    arrives(":path=/p?a");
    expect(request.queryParam(bytes("a"))).not.toBe(ABSENT);
  });

  it("is absent where its name is not the whole name", () => {
    expect(param("ab=1", "a")).toBe("<absent>");
    expect(param("a=1", "ab")).toBe("<absent>");
    expect(param("b=a=1", "a")).toBe("<absent>");
    expect(param("A=1", "a")).toBe("<absent>");
    expect(param("", "a")).toBe("<absent>");
    expect(param("&&&", "a")).toBe("<absent>");
    expect(param("%61%61=1", "a")).toBe("<absent>");
    expect(param("=a", "a")).toBe("<absent>");
    expect(param("b#a=1", "a")).toBe("<absent>");
  });

  it("may have the empty name", () => {
    expect(param("=1", "")).toBe("1");
    expect(param("a=1&=2", "")).toBe("2");
    expect(param("a=1", "")).toBe("<absent>");
  });

  it("has name and value percent-decoded, once", () => {
    expect(param("a=%41%42", "a")).toBe("AB");
    expect(param("%61=1", "a")).toBe("1");
    expect(param("%6a%6A=1", "jj")).toBe("1");
    expect(param("a=%2541", "a")).toBe("%41");
    expect(param("%2561=1&a=2", "a")).toBe("2");
    expect(param("%2561=1", "%61")).toBe("1");
    expect(param("a=%C3%A9", "a")).toBe("é");
    expect(param("a=%26b%3D", "a")).toBe("&b=");
    expect(param("a=1%26b=2", "b")).toBe("<absent>");
    expect(param("a%3Db=1", "a=b")).toBe("1");
  });

  it("keeps a plus sign as it is", () => {
    expect(param("a=1+2", "a")).toBe("1+2");
  });

  it("keeps what is no escape as it is", () => {
    expect(param("a=%zz", "a")).toBe("%zz");
    expect(param("a=%", "a")).toBe("%");
    expect(param("a=%4", "a")).toBe("%4");
    expect(param("a=%4&b=1", "a")).toBe("%4");
    expect(param("a=%4g%41", "a")).toBe("%4gA");
    expect(param("a=%%41", "a")).toBe("%A");
    expect(param("a=%g1", "a")).toBe("%g1");
    expect(param("%zz=1", "%zz")).toBe("1");
    expect(param("%=1", "%")).toBe("1");
    expect(param("%6=1", "%6")).toBe("1");
    expect(param("a%", "a%")).toBe("");
  });

  it("is not completed by what stands behind its end", () => {
    expect(param("a=%&41=x", "a")).toBe("%");
    expect(param("a%=61", "a61")).toBe("<absent>");
    expect(param("a%6=1", "aa")).toBe("<absent>");
  });

  it("may decode to NUL and to bytes that are no UTF-8", () => {
    expect(param("a=x%00y", "a")).toBe("x\0y");
    arrives(":path=/p?a=%ff");
    expect(lengthOf(request.queryParam(bytes("a")))).toBe(1);
  });

  it("is found among 10,000, and a missing one is missed, in a time that grows with the length alone", () => {
    let query = "";
    for (let at = 0; at < 10000; at++) query += `p${at}=${at}&`;
    expect(param(query + "last=yes", "last")).toBe("yes");
    expect(param(query, "p9999")).toBe("9999");
    expect(param(query, "none")).toBe("<absent>");
    for (let i = 0; i < 100; i++) same(request.queryParam(bytes("none")), ABSENT);
  });
});

describe("percent-decoding", () => {
  it("gives the bytes themselves where there is no escape", () => {
    const plain = bytes("plain");
    expect(percentDecode(plain)).toBe(plain);
    expect(text(percentDecode(bytes("")))).toBe("");
  });

  it("does not complete an escape by what stands behind the end", () => {
    expect(text(percentDecode(slice(bytes("%41"), 0, 2)))).toBe("%4");
    expect(text(percentDecode(slice(bytes("%41"), 0, 1)))).toBe("%");
  });

  it("decodes all 256 bytes, in both cases", () => {
    const digits = "0123456789abcdef";
    for (let byte = 0; byte < 256; byte++) {
      const escape = "%" + digits.charAt(byte >>> 4) + digits.charAt(byte & 15);
      const lower = percentDecode(bytes(escape));
      const upper = percentDecode(bytes(escape.toUpperCase()));
      same<u32>(lengthOf(lower), 1);
      same<u32>(load<u8>(pointerOf(lower)), byte);
      same<u32>(load<u8>(pointerOf(upper)), byte);
    }
  });
});

describe("a cookie", () => {
  it("has the raw value behind the first equals sign", () => {
    expect(cookie("a=1; b=2", "a")).toBe("1");
    expect(cookie("a=1; b=2", "b")).toBe("2");
    expect(cookie("a=b=c", "a")).toBe("b=c");
    expect(cookie('a="quoted"', "a")).toBe('"quoted"');
    expect(cookie("a=%41", "a")).toBe("%41");
    expect(cookie("a=", "a")).toBe("");
  });

  it("that comes twice has its first value, over several headers too", () => {
    expect(cookie("a=1; a=2", "a")).toBe("1");
    expect(cookie("b=0; a=1\na=2", "a")).toBe("1");
    expect(cookie("b=0\nc=1\na=2", "a")).toBe("2");
  });

  it("may have spaces around it, or none where one belongs", () => {
    expect(cookie("a=1;b=2", "b")).toBe("2");
    expect(cookie("  a  =  1  ;\tb = 2 ", "a")).toBe("1");
    expect(cookie("  a  =  1  ;\tb = 2 ", "b")).toBe("2");
    expect(cookie("a=1 2", "a")).toBe("1 2");
  });

  it("needs a name and an equals sign", () => {
    expect(cookie("a", "a")).toBe("<absent>");
    expect(cookie("a; a=2", "a")).toBe("2");
    expect(cookie("=1", "")).toBe("<absent>");
    expect(cookie(" =1", "")).toBe("<absent>");
    expect(cookie(";;; ;", "a")).toBe("<absent>");
    expect(cookie("", "a")).toBe("<absent>");
    expect(cookie("=a; a=1", "a")).toBe("1");
  });

  it("is found by its whole name, by case", () => {
    expect(cookie("ab=1; b=2", "a")).toBe("<absent>");
    expect(cookie("A=1", "a")).toBe("<absent>");
    expect(cookie("x=a=1", "a")).toBe("<absent>");
    expect(cookie("a=1", "ab")).toBe("<absent>");
  });

  it("is found among a hundred", () => {
    let cookies = "";
    for (let at = 0; at < 100; at++) cookies += `c${at}=v${at}; `;
    expect(cookie(cookies, "c0")).toBe("v0");
    expect(cookie(cookies, "c99")).toBe("v99");
    expect(cookie(cookies, "c100")).toBe("<absent>");
  });
});
