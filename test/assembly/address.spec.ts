import { resetArena } from "../../assembly/bytes/arena";
import { bytesOf } from "../../assembly/bytes/bytes";
import { readKey } from "../../assembly/key";
import { readRequestMatch } from "../../assembly/match/request-match";
import { RequestView } from "../../assembly/request-view";
import { host, hostHasHeaders, hostHasProperty, resetHost } from "./mock-host";
import { Random } from "./random";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes, text } from "./texts";

const ADDRESS = "source\0address";
const DIRECT = "outrigger.peer";

const request = new RequestView();

function arrives(): void {
  resetArena();
  hostHasHeaders(":method=GET\n:path=/");
  same(request.load(), true);
}

function holds(match: string): bool {
  const reader = newReader();
  const matcher = readRequestMatch(reader, parsed(bytes(match)));
  same(reader.report(), "", match);
  arrives();
  return matcher.matches(request);
}

function isIn(address: string, block: string): bool {
  hostHasProperty(ADDRESS, bytes(address));
  return holds('{"source":{"remoteIpBlocks":["' + block + '"]}}');
}

function key(part: string): string {
  const reader = newReader();
  const found = readKey(reader, parsed(bytes('[{"remoteAddress":' + part + "}]")));
  same(reader.report(), "", part);
  arrives();
  return text(found!.read(request));
}

describe("a match on addresses", () => {
  beforeEach(() => resetHost());

  it("takes addresses as the proxy tells them", () => {
    expect(isIn("10.1.2.3:4242", "10.0.0.0/8")).toBe(true);
    expect(isIn("[2001:db8::1]:0", "2001:db8::/32")).toBe(true);
    expect(isIn("[fe80::1%254]:0", "fe80::/10")).toBe(true);
    expect(isIn("[::ffff:10.1.2.3]:0", "10.0.0.0/8")).toBe(true);
    expect(isIn("10.1.2.3:0", "::ffff:a00:0/104")).toBe(true);
    expect(isIn("11.1.2.3:0", "10.0.0.0/8")).toBe(false);
    expect(isIn("[::1]:0", "0.0.0.0/0")).toBe(false);
    expect(isIn("10.1.2.3:0", "::/0")).toBe(false);
  });

  it("knows nothing of what is no address, and then neither it nor its contrary holds", () => {
    const others = [
      "",
      ":",
      "/run/envoy.sock",
      "envoy://internal/x",
      "10.1.2",
      "10.1.2.3.4:80",
      "[10.1.2.3",
      "[]:0",
      "\0",
    ];
    for (let at = 0; at < others.length; at++) {
      same(isIn(others[at], "0.0.0.0/0"), false, others[at]);
      same(holds('{"not":{"source":{"remoteIpBlocks":["10.0.0.0/8"]}}}'), false, others[at]);
      same(holds('{"not":{"not":{"source":{"remoteIpBlocks":["0.0.0.0/0"]}}}}'), false, others[at]);
      same(holds('{"anyOf":[{"not":{"source":{"remoteIpBlocks":["10.0.0.0/8"]}}}]}'), false, others[at]);
    }
  });

  it("knows no direct peer without a companion, and says so once", () => {
    hostHasProperty(ADDRESS, bytes("10.1.2.3:80"));
    expect(holds('{"source":{"ipBlocks":["0.0.0.0/0"]}}')).toBe(false);
    expect(holds('{"not":{"source":{"ipBlocks":["10.0.0.0/8"]}}}')).toBe(false);
    expect(holds('{"source":{"ipBlocks":["10.0.0.0/8"]}}')).toBe(false);
    const logs = host("logs");
    expect(logs.indexOf("network companion")).toBeGreaterThan(0, logs);
    expect(logs.indexOf("network companion")).toBe(logs.lastIndexOf("network companion"), logs);
  });

  it("takes the direct peer from the companion, whatever is forwarded", () => {
    hostHasProperty(ADDRESS, bytes("10.1.2.3:0"));
    hostHasProperty(DIRECT, bytes("192.0.2.1:55555"));
    expect(holds('{"source":{"ipBlocks":["192.0.2.0/24"]}}')).toBe(true);
    expect(holds('{"source":{"ipBlocks":["10.0.0.0/8"]}}')).toBe(false);
    expect(holds('{"source":{"remoteIpBlocks":["10.0.0.0/8"]}}')).toBe(true);
    expect(holds('{"not":{"source":{"ipBlocks":["10.0.0.0/8"]}}}')).toBe(true);
  });

  it("bears any bytes for an address", () => {
    const random = new Random(13);
    const parts = ["[", "]", ":", "::", ".", "%", "1", "ff", "10.0.0.1", "0", "fe80", "/", "\0", "255", "g"];
    for (let run = 0; run < 5000; run++) {
      let address = "";
      for (let at = random.below(12); at > 0; at--) address += random.pick(parts);
      isIn(address, "10.0.0.0/8");
    }
    const size: u32 = 1 << 20;
    const long = heap.alloc(size);
    const bytesToTry: u8[] = [0x3a, 0x30, 0x5b, 0x2e, 0x25];
    for (let at = 0; at < bytesToTry.length; at++) {
      memory.fill(long, bytesToTry[at], size);
      hostHasProperty(ADDRESS, bytesOf(long, size));
      expect(holds('{"source":{"remoteIpBlocks":["0.0.0.0/0","::/0"]}}')).toBe(false);
    }
    heap.free(long);
  });
});

describe("a key of addresses", () => {
  beforeEach(() => resetHost());

  it("is the address, or of IPv6 half of it, without port", () => {
    hostHasProperty(ADDRESS, bytes("10.1.2.3:4242"));
    expect(key("{}")).toBe("10.1.2.3");
    expect(key('{"prefix4":24}')).toBe("10.1.2.0/24");
    expect(key('{"prefix4":0}')).toBe("0.0.0.0/0");
    hostHasProperty(ADDRESS, bytes("[2001:db8:1:2:3:4:5:6]:4242"));
    expect(key("{}")).toBe("2001:db8:1:2::/64");
    expect(key('{"prefix6":128}')).toBe("2001:db8:1:2:3:4:5:6");
    hostHasProperty(ADDRESS, bytes("[::ffff:10.1.2.3]:0"));
    expect(key("{}")).toBe("10.1.2.3");
  });

  it("is missing where there is no address", () => {
    expect(key("{}")).toBe("<absent>");
    hostHasProperty(ADDRESS, bytes("/run/envoy.sock"));
    expect(key("{}")).toBe("<absent>");
    expect(key('{"direct":true}')).toBe("<absent>");
    hostHasProperty(DIRECT, bytes("192.0.2.1:1"));
    expect(key('{"direct":true}')).toBe("192.0.2.1");
  });
});
