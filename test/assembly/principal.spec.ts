import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT } from "../../assembly/bytes/bytes";
import { NamespaceAttribute, PrincipalAttribute } from "../../assembly/match/principal";
import { readRequestMatch } from "../../assembly/match/request-match";
import { RequestView } from "../../assembly/request-view";
import { callsOf, hostHasHeaders, hostHasProperty, resetHost } from "./mock-host";
import { Random } from "./random";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes, text } from "./texts";

const CERTIFICATE = "connection\0uri_san_peer_certificate";
const TUNNEL = "filter_state\0io.istio.peer_principal";

const request = new RequestView();

function arrives(): void {
  resetArena();
  hostHasHeaders(":method=GET\n:path=/");
  same(request.load(), true);
}

/** Principal and namespace of a peer whose certificate has this URI. */
function caller(uri: string): string {
  hostHasProperty(CERTIFICATE, bytes(uri));
  arrives();
  const principal = text(new PrincipalAttribute(ABSENT).read(request));
  return principal + " " + text(new NamespaceAttribute(ABSENT).read(request));
}

function holds(source: string): bool {
  const reader = newReader();
  const matcher = readRequestMatch(reader, parsed(bytes('{"source":' + source + "}")));
  same(reader.report(), "", source);
  arrives();
  return matcher.matches(request);
}

describe("a caller", () => {
  beforeEach(() => resetHost());

  it("has the SPIFFE id of its certificate, and the namespace in it", () => {
    expect(caller("spiffe://cluster.local/ns/shop/sa/cart")).toBe("cluster.local/ns/shop/sa/cart shop");
  });

  it("without a SPIFFE id is nobody", () => {
    arrives();
    expect(text(new PrincipalAttribute(ABSENT).read(request))).toBe("<absent>");
    expect(text(new NamespaceAttribute(ABSENT).read(request))).toBe("<absent>");
    const others = [
      "",
      "spiffe:/",
      "spiffe:/a/ns/b/c",
      "https://a/ns/b/c",
      "Spiffe://a/ns/b/c",
      " spiffe://a",
      "/ns/b/c",
    ];
    for (let at = 0; at < others.length; at++) same(caller(others[at]), "<absent> <absent>", others[at]);
  });

  it("has a namespace only behind its trust domain", () => {
    expect(caller("spiffe://")).toBe(" <absent>");
    expect(caller("spiffe://a")).toBe("a <absent>");
    expect(caller("spiffe://a/ns/b")).toBe("a/ns/b <absent>");
    expect(caller("spiffe://a/ns/")).toBe("a/ns/ <absent>");
    expect(caller("spiffe://a/ns/b/")).toBe("a/ns/b/ b");
    expect(caller("spiffe://a/x/ns/b/sa/c")).toBe("a/x/ns/b/sa/c <absent>");
    expect(caller("spiffe://a/ns/b/ns/c/sa/d")).toBe("a/ns/b/ns/c/sa/d b");
    expect(caller("spiffe:///ns/b/sa/c")).toBe("/ns/b/sa/c b");
    expect(caller("spiffe://ns/b/c")).toBe("ns/b/c <absent>");
    expect(caller("spiffe://a/NS/b/c")).toBe("a/NS/b/c <absent>");
  });

  it("of a tunnel goes before the one of the connection", () => {
    hostHasProperty(TUNNEL, bytes("spiffe://a/ns/inner/sa/x"));
    expect(caller("spiffe://a/ns/outer/sa/y")).toBe("a/ns/inner/sa/x inner");
    hostHasProperty(TUNNEL, bytes(""));
    expect(caller("spiffe://a/ns/outer/sa/y")).toBe("a/ns/outer/sa/y outer");
    hostHasProperty(TUNNEL, bytes("somebody"));
    expect(caller("spiffe://a/ns/outer/sa/y")).toBe("<absent> <absent>");
  });

  it("may have any name", () => {
    const random = new Random(11);
    const parts = ["spiffe://", "/", "ns", "/ns/", "*", "\0", "", "a", "\xff", "sa"];
    for (let run = 0; run < 3000; run++) {
      let uri = "";
      for (let at = random.below(8); at > 0; at--) uri += random.pick(parts);
      caller(uri);
    }
  });
});

describe("a match on principals and namespaces", () => {
  beforeEach(() => {
    resetHost();
    hostHasProperty(CERTIFICATE, bytes("spiffe://td/ns/shop/sa/cart"));
  });

  it("takes a whole name, its beginning, its end, or any", () => {
    expect(holds('{"principals":["td/ns/shop/sa/cart"]}')).toBe(true);
    expect(holds('{"principals":["td/ns/shop/*"]}')).toBe(true);
    expect(holds('{"principals":["*/sa/cart"]}')).toBe(true);
    expect(holds('{"principals":["*"]}')).toBe(true);
    expect(holds('{"principals":["a","b*","*cart"]}')).toBe(true);
    expect(holds('{"namespaces":["shop"]}')).toBe(true);
    expect(holds('{"namespaces":["sh*"]}')).toBe(true);
    expect(holds('{"namespaces":["*"]}')).toBe(true);
    expect(holds('{"principals":["td/ns/shop/sa/car"]}')).toBe(false);
    expect(holds('{"principals":["spiffe://td/ns/shop/sa/cart"]}')).toBe(false);
    expect(holds('{"namespaces":["shops","sho","s*x"]}')).toBe(false);
  });

  it("takes an asterisk inside for itself, and of two the first", () => {
    expect(holds('{"principals":["td/*/sa/cart"]}')).toBe(false);
    expect(holds('{"principals":["*/ns/shop/*"]}')).toBe(false);
    hostHasProperty(CERTIFICATE, bytes("spiffe://x/ns/shop/*"));
    expect(holds('{"principals":["*/ns/shop/*"]}')).toBe(true);
  });

  it("holds for nobody when there is no certificate", () => {
    resetHost();
    expect(holds('{"principals":["*"]}')).toBe(false);
    expect(holds('{"principals":["", "*"]}')).toBe(false);
    expect(holds('{"namespaces":["*", ""]}')).toBe(false);
  });

  it("reads the certificate once for all principals", () => {
    expect(holds('{"principals":["a*","b*","c*","td*"]}')).toBe(true);
    // The tunnel's principal, and the certificate's.
    expect(callsOf("proxy_get_property")).toBe(2);
  });
});
