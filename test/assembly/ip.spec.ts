import { IpBlocks, maskedText, parseAddress } from "../../assembly/ip";
import { resetArena } from "../../assembly/bytes/arena";
import { lengthOf, slice } from "../../assembly/bytes/bytes";
import { Random } from "./random";
import { same } from "./same";
import { bytes, raw, text } from "./texts";

/** The address in its one spelling, `none` when it is none. */
function canonical(address: string): string {
  resetArena();
  return parseAddress(bytes(address)) ? text(maskedText(32, 128)) : "none";
}

function isIn(address: string, blocks: string[]): bool {
  const all = new IpBlocks();
  for (let at = 0; at < blocks.length; at++) expect(all.add(bytes(blocks[at]))).toBe(true, blocks[at]);
  expect(parseAddress(bytes(address))).toBe(true, address);
  return all.hasParsed();
}

function isBlock(block: string): bool {
  return new IpBlocks().add(bytes(block));
}

function masked(address: string, prefix4: u32, prefix6: u32): string {
  resetArena();
  expect(parseAddress(bytes(address))).toBe(true, address);
  return text(maskedText(prefix4, prefix6));
}

describe("an address", () => {
  it("of IPv4 is four numbers", () => {
    expect(canonical("1.2.3.4")).toBe("1.2.3.4");
    expect(canonical("0.0.0.0")).toBe("0.0.0.0");
    expect(canonical("255.255.255.255")).toBe("255.255.255.255");
    expect(canonical("10.0.0.1:8080")).toBe("10.0.0.1");
  });

  it("of IPv4 is nothing else", () => {
    const wrong = [
      "",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.",
      ".1.2.3",
      "1..2.3",
      "1.2.3.256",
      "1.2.3.1000",
      "01.2.3.4",
      "1.2.3.04",
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.-4",
      "1.2.3.a",
      "0x1.2.3.4",
      "localhost",
      "/var/run/socket",
      "envoy://internal/",
    ];
    for (let at = 0; at < wrong.length; at++) expect(canonical(wrong[at])).toBe("none", wrong[at]);
  });

  it("of IPv6 has one spelling (RFC 5952)", () => {
    expect(canonical("::")).toBe("::");
    expect(canonical("::1")).toBe("::1");
    expect(canonical("1::")).toBe("1::");
    expect(canonical("2001:DB8::1")).toBe("2001:db8::1");
    expect(canonical("2001:0db8:0000:0000:0000:0000:0000:0001")).toBe("2001:db8::1");
    expect(canonical("2001:db8:0:1:1:1:1:1")).toBe("2001:db8:0:1:1:1:1:1");
    expect(canonical("2001:db8::1:0:0:1")).toBe("2001:db8::1:0:0:1");
    expect(canonical("1:0:0:2:0:0:0:3")).toBe("1:0:0:2::3");
    expect(canonical("1:2:3:4:5:6:7::")).toBe("1:2:3:4:5:6:7:0");
    expect(canonical("::2:3:4:5:6:7:8")).toBe("0:2:3:4:5:6:7:8");
    expect(canonical("1:2:3:4:5:6:7:8")).toBe("1:2:3:4:5:6:7:8");
    expect(canonical("64:ff9b::192.0.2.33")).toBe("64:ff9b::c000:221");
    expect(canonical("1:2:3:4:5:6:1.2.3.4")).toBe("1:2:3:4:5:6:102:304");
    expect(canonical("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).toBe(
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    );
  });

  it("of IPv6 stands in brackets where it has a port, and may have a zone", () => {
    expect(canonical("[::1]:443")).toBe("::1");
    expect(canonical("[::1]")).toBe("::1");
    expect(canonical("[2001:db8::5]:0")).toBe("2001:db8::5");
    expect(canonical("fe80::1%eth0")).toBe("fe80::1");
    expect(canonical("[fe80::1%2]:80")).toBe("fe80::1");
  });

  it("of IPv6 is nothing else", () => {
    const wrong = [
      ":",
      ":::",
      "1:",
      ":1",
      "1:2",
      "1::2::3",
      "1:::2",
      "12345::",
      "g::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "1::2:3:4:5:6:7:8",
      "::1.2.3",
      "::1.2.3.4:5",
      "::1.2.3.4.5",
      "1:2:3:4:5:6:7:1.2.3.4",
      "::256.1.1.1",
      "[::1",
      "[]",
      "[]:80",
      "%eth0",
      "::1 ",
    ];
    for (let at = 0; at < wrong.length; at++) expect(canonical(wrong[at])).toBe("none", wrong[at]);
  });

  it("of IPv4 may come as an IPv6 address that maps it", () => {
    expect(canonical("::ffff:1.2.3.4")).toBe("1.2.3.4");
    expect(canonical("[::ffff:1.2.3.4]:80")).toBe("1.2.3.4");
    expect(canonical("::FFFF:102:304")).toBe("1.2.3.4");
    expect(canonical("0:0:0:0:0:ffff:1.2.3.4")).toBe("1.2.3.4");
    // IPv4-compatible addresses (RFC 4291 §2.5.5.1) are deprecated, and IPv6 addresses.
    expect(canonical("::1.2.3.4")).toBe("::102:304");
  });

  it("out of any bytes is one or none, and ends", () => {
    const random = new Random(7);
    const alphabet = bytes("0123456789abcdefF:::...%[]/ ");
    for (let round = 0; round < 20000; round++) {
      const values: u8[] = [];
      const length = random.below(24);
      for (let at = 0; at < length; at++) {
        const from = random.below(lengthOf(alphabet));
        values.push(load<u8>(<usize>(slice(alphabet, from, from + 1) >>> 32)));
      }
      resetArena();
      const made = raw(values);
      if (!parseAddress(made)) continue;
      const once = text(maskedText(32, 128));
      same(canonical(once), once, text(made));
    }
  });
});

describe("a block of addresses", () => {
  it("has what begins with its prefix", () => {
    expect(isIn("10.1.2.3", ["10.0.0.0/8"])).toBe(true);
    expect(isIn("11.1.2.3", ["10.0.0.0/8"])).toBe(false);
    expect(isIn("10.0.0.255", ["10.0.0.0/25"])).toBe(false);
    expect(isIn("10.0.0.127", ["10.0.0.0/25"])).toBe(true);
    expect(isIn("10.0.0.1", ["10.0.0.1/32"])).toBe(true);
    expect(isIn("10.0.0.2", ["10.0.0.1/32"])).toBe(false);
    expect(isIn("2001:db8:1::1", ["2001:db8::/32"])).toBe(true);
    expect(isIn("2001:db9::1", ["2001:db8::/32"])).toBe(false);
    expect(isIn("2001:db8::1:0:0:1", ["2001:db8::/63"])).toBe(true);
    expect(isIn("2001:db8:0:1::1", ["2001:db8::/64"])).toBe(false);
    expect(isIn("2001:db8:0:0:8000::", ["2001:db8::/65"])).toBe(false);
    expect(isIn("2001:db8:0:0:7fff::", ["2001:db8::/65"])).toBe(true);
    expect(isIn("::1", ["::1/128"])).toBe(true);
    expect(isIn("::2", ["::1/128"])).toBe(false);
  });

  it("is one address without a length", () => {
    expect(isIn("10.0.0.1", ["10.0.0.1"])).toBe(true);
    expect(isIn("10.0.0.2", ["10.0.0.1"])).toBe(false);
    expect(isIn("[::1]:80", ["::1"])).toBe(true);
  });

  it("does not look at bits behind its prefix", () => {
    expect(isIn("10.200.0.1", ["10.1.2.3/8"])).toBe(true);
    expect(isIn("2001:db8::1", ["2001:db8:ffff::9/32"])).toBe(true);
  });

  it("of length 0 is a whole family, and none of the other", () => {
    expect(isIn("203.0.113.9", ["0.0.0.0/0"])).toBe(true);
    expect(isIn("2001:db8::1", ["0.0.0.0/0"])).toBe(false);
    expect(isIn("2001:db8::1", ["::/0"])).toBe(true);
    expect(isIn("203.0.113.9", ["::/0"])).toBe(false);
  });

  it("of IPv4 has the IPv6 addresses that map its own", () => {
    expect(isIn("[::ffff:10.1.2.3]:80", ["10.0.0.0/8"])).toBe(true);
    expect(isIn("10.1.2.3", ["::ffff:10.0.0.0/104"])).toBe(true);
    expect(isIn("11.1.2.3", ["::ffff:10.0.0.0/104"])).toBe(false);
    expect(isIn("10.1.2.3", ["::ffff:0:0/96"])).toBe(true);
    expect(isIn("10.1.2.3", ["::/80"])).toBe(false);
  });

  it("may be one of several", () => {
    expect(isIn("10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"])).toBe(true);
    expect(isIn("172.16.0.1", ["192.168.0.0/16", "10.0.0.0/8"])).toBe(false);
  });

  it("is nothing else", () => {
    const wrong = [
      "",
      "/",
      "/8",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "10.0.0.0/8 ",
      "10.0.0/8",
      "10.0.0.0:80",
      "10.*",
      "::/129",
      "::/1000",
      "[::1]/128",
      "fe80::1%eth0",
      "example.com",
    ];
    for (let at = 0; at < wrong.length; at++) expect(isBlock(wrong[at])).toBe(false, wrong[at]);
  });
});

describe("a masked address", () => {
  it("is the prefix and its length", () => {
    expect(masked("10.1.2.3:80", 24, 64)).toBe("10.1.2.0/24");
    expect(masked("10.1.2.3", 8, 64)).toBe("10.0.0.0/8");
    expect(masked("10.1.2.3", 0, 64)).toBe("0.0.0.0/0");
    expect(masked("[2001:db8:1:2:3:4:5:6]:80", 24, 64)).toBe("2001:db8:1:2::/64");
    expect(masked("2001:db8:1:2:3:4:5:6", 24, 56)).toBe("2001:db8:1::/56");
    expect(masked("2001:db8:1:2:ff00::", 24, 68)).toBe("2001:db8:1:2:f000::/68");
    expect(masked("::ffff:10.1.2.3", 16, 64)).toBe("10.1.0.0/16");
  });

  it("is the address where all of it counts", () => {
    expect(masked("10.1.2.3:80", 32, 128)).toBe("10.1.2.3");
    expect(masked("[2001:db8::1]:80", 32, 128)).toBe("2001:db8::1");
  });
});
