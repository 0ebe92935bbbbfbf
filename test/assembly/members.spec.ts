import { resetArena } from "../../assembly/bytes/arena";
import { leftOut, withoutCookie, withoutQueryParam } from "../../assembly/members";
import { bytes, text } from "./texts";

/** What is left of the query without `key`, and how many were left out. */
function query(from: string): string {
  resetArena();
  return text(withoutQueryParam(bytes(from), bytes("key"))) + " " + leftOut.toString();
}

/** What is left of the cookies without `k`, and how many were left out. */
function cookies(from: string): string {
  resetArena();
  return text(withoutCookie(bytes(from), bytes("k"))) + " " + leftOut.toString();
}

describe("a query without a parameter", () => {
  it("has all others as they were, in their order", () => {
    expect(query("a=1&key=s&b=%32")).toBe("a=1&b=%32 1");
    expect(query("key=s&a=1")).toBe("a=1 1");
    expect(query("a=1&key=s")).toBe("a=1 1");
    expect(query("a=1&&b&=c")).toBe("a=1&&b&=c 0");
  });

  it("is none where it was alone", () => {
    expect(query("key=s")).toBe("<absent> 1");
    expect(query("")).toBe("<absent> 0");
  });

  it("has none of several left, nor any whose name is escaped, nor one without a value", () => {
    expect(query("key=s&a=1&key=t&key&%6bey=u&k%65y")).toBe("a=1 5");
  });

  it("keeps those whose names only resemble it", () => {
    expect(query("keys=1&ke=2&KEY=3&a=key&%256bey=4&key%00=5")).toBe(
      "keys=1&ke=2&KEY=3&a=key&%256bey=4&key%00=5 0",
    );
  });
});

describe("cookies without one", () => {
  it("are all others as they were, in their order", () => {
    expect(cookies("a=1; k=s; b=2")).toBe("a=1; b=2 1");
    expect(cookies("k=s; a=1;b=2")).toBe("a=1;b=2 1");
    expect(cookies("a=1; k=s")).toBe("a=1 1");
    expect(cookies('a="1"; b=k=s')).toBe('a="1"; b=k=s 0');
  });

  it("are none where it was alone", () => {
    expect(cookies("k=s")).toBe("<absent> 1");
    expect(cookies(" k = s ")).toBe("<absent> 1");
  });

  it("have none of several left", () => {
    expect(cookies("k=s; a=1; k=t;k=;\tk\t=u")).toBe("a=1 4");
  });

  it("keep those whose names only resemble it, and what is no cookie", () => {
    expect(cookies("K=1; kk=2; %6b=3; k; =k")).toBe("K=1; kk=2; %6b=3; k; =k 0");
  });
});
