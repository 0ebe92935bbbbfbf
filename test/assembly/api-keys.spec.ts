import { identity } from "../../filters/authz/identity";
import { ApiKeys } from "../../filters/authz/identity/api-keys";
import { arrives, nameOf, replyOf, request } from "./authenticating";
import { host, resetHost } from "./mock-host";
import { newReader, parsed } from "./reading";
import { bytes, text } from "./texts";

/** Two keys, and their SHA-256 by `printf %s KEY | sha256sum`. */
const CI = "ork_00112233445566778899aabbccddeeff";
const CI_HASH = "bf06c37ccb948a64ffff6c745225eae0f998a01b353c8eee360ca7f58a82d77a";
const SHOP = "ork_ffeeddccbbaa99887766554433221100";
const SHOP_HASH = "a74d4e6d5948a8d96e0bd83a7a9d0730326c068337606e3d62f543173851de73";
/** Of 4,096 and of 4,097 times `a`. */
const LONG_HASH = "c93eee2d0db02f10acc7460d9576e122dcf8cd53c4bf8dfcae1b3e74ebcfff5a";
const LONGER_HASH = "4e369b5618643c3abddd027b650bfa54810be3b418028a7c9d82299a59d008e8";
const KEYS = `"keys":[{"name":"ci","sha256":"${CI_HASH}"},{"name":"shop","sha256":"${SHOP_HASH}"}]`;
const EVERYWHERE = '"from":[{"header":"X-Api-Key"},{"queryParam":"key"},{"cookie":"k"}]';

/** The configuration's problems; none for one that is right. */
function problems(document: string): string {
  const reader = newReader();
  ApiKeys.read(reader, parsed(bytes(document)));
  return reader.report();
}

function configured(more: string = ""): ApiKeys {
  const reader = newReader();
  const keys = ApiKeys.read(reader, parsed(bytes(`{${EVERYWHERE},${KEYS}${more}}`)));
  expect(reader.report()).toBe("");
  return keys!;
}

/** What comes of a request, and whose it is: `passed ci`. */
function verdict(keys: ApiKeys, lines: string): string {
  arrives(lines);
  return nameOf(keys.authenticate(request)) + " " + text(identity.apiKey);
}

/** The headers of a request that goes on, without its method. */
function upstream(keys: ApiKeys, lines: string): string {
  arrives(lines);
  keys.authenticate(request);
  keys.strip(request);
  return host("headers 0").replace(":method=GET\n", "").replace(":method=GET", "");
}

describe("API keys", () => {
  beforeEach(() => {
    resetHost();
  });

  it("are found in a header, a query parameter or a cookie", () => {
    const keys = configured();
    expect(verdict(keys, "x-api-key=" + CI)).toBe("passed ci");
    expect(verdict(keys, "x-api-key=" + SHOP)).toBe("passed shop");
    expect(verdict(keys, ":path=/a?b=1&key=" + CI)).toBe("passed ci");
    expect(verdict(keys, ":path=/a?%6bey=%6frk_00112233445566778899aabbccddeeff")).toBe("passed ci");
    expect(verdict(keys, "cookie=a=1; k=" + CI)).toBe("passed ci");
    expect(verdict(keys, "cookie=a=1\ncookie=k=" + CI)).toBe("passed ci");
  });

  it("are nobody's concern where there is none", () => {
    const keys = configured();
    expect(verdict(keys, ":path=/a?b=1\nx-api-keys=1\ncookie=a=1")).toBe("passed <absent>");
    expect(verdict(keys, "")).toBe("passed <absent>");
  });

  it("are refused when they are not known, in part known, or empty", () => {
    const keys = configured();
    const wrong = [
      "ork_00112233445566778899aabbccddeefe",
      "ork_00112233445566778899aabbccddeef",
      "ork_00112233445566778899aabbccddeefff",
      "ORK_00112233445566778899aabbccddeeff",
      "",
      CI_HASH,
      "Bearer " + CI,
      "\u00ff",
    ];
    for (let at = 0; at < wrong.length; at++) {
      expect(verdict(keys, "x-api-key=" + wrong[at])).toBe("refused <absent>", wrong[at]);
      expect(verdict(keys, ":path=/?key=" + wrong[at])).toBe("refused <absent>", wrong[at]);
    }
    expect(verdict(keys, ":path=/?key")).toBe("refused <absent>");
    expect(verdict(keys, "cookie=k=")).toBe("refused <absent>");
  });

  it("are refused where only a part of their hash is configured", () => {
    // The hash of the key, but for one digit: what finds it in the table is its beginning.
    for (let at = 0; at < 64; at += 7) {
      const other = CI_HASH.charAt(at) == "0" ? "1" : "0";
      const hash = CI_HASH.substring(0, at) + other + CI_HASH.substring(at + 1);
      const reader = newReader();
      const document = `{${EVERYWHERE},"keys":[{"name":"other","sha256":"${hash}"}]}`;
      const keys = ApiKeys.read(reader, parsed(bytes(document)))!;
      expect(reader.report()).toBe("");
      expect(verdict(keys, "x-api-key=" + CI)).toBe("refused <absent>", hash);
    }
  });

  it("are looked for in the order of the places: the first that is there counts", () => {
    const keys = configured();
    expect(verdict(keys, `x-api-key=${CI}\n:path=/?key=${SHOP}`)).toBe("passed ci");
    expect(verdict(keys, `x-api-key=wrong\n:path=/?key=${SHOP}`)).toBe("refused <absent>");
    expect(verdict(keys, `:path=/?key=${SHOP}\ncookie=k=wrong`)).toBe("passed shop");
  });

  it("are refused when they come twice in one place, even the same", () => {
    const keys = configured();
    expect(verdict(keys, `x-api-key=${CI}\nx-api-key=${CI}`)).toBe("refused <absent>");
    expect(verdict(keys, `x-api-key=${CI},${CI}`)).toBe("refused <absent>");
    expect(verdict(keys, `:path=/?key=${CI}&k%65y=${CI}`)).toBe("refused <absent>");
    expect(verdict(keys, `cookie=k=${CI}\ncookie=k=${CI}`)).toBe("refused <absent>");
  });

  it("are refused when they are longer than 4 KiB", () => {
    const reader = newReader();
    const keys = ApiKeys.read(
      reader,
      parsed(
        bytes(
          `{"from":[{"header":"x-api-key"}],"keys":[{"name":"long","sha256":"${LONG_HASH}"},{"name":"longer","sha256":"${LONGER_HASH}"}]}`,
        ),
      ),
    )!;
    expect(reader.report()).toBe("");
    expect(verdict(keys, "x-api-key=" + "a".repeat(4096))).toBe("passed long");
    expect(verdict(keys, "x-api-key=" + "a".repeat(4097))).toBe("refused <absent>");
  });

  it("forget who came before", () => {
    const keys = configured();
    expect(verdict(keys, "x-api-key=" + CI)).toBe("passed ci");
    expect(verdict(keys, "x-api-key=wrong")).toBe("refused <absent>");
    expect(verdict(keys, "")).toBe("passed <absent>");
  });

  it("do not reach the upstream, wherever they stand; all else does", () => {
    const keys = configured();
    expect(upstream(keys, `x-api-key=${CI}\nx-a=1`)).toBe("x-a=1");
    expect(upstream(keys, `:path=/a?b=1&key=${CI}&c=2`)).toBe(":path=/a?b=1&c=2");
    expect(upstream(keys, `:path=/a?key=${CI}`)).toBe(":path=/a");
    expect(upstream(keys, `cookie=a=1; k=${CI}\ncookie=b=2`)).toBe("cookie=a=1; b=2");
    expect(upstream(keys, `cookie=k=${CI}\nx-a=1`)).toBe("x-a=1");
    expect(upstream(keys, `x-api-key=${CI}\n:path=/?key=${SHOP}&key=x\ncookie=k=y`)).toBe(":path=/");
  });

  it("reach it with `forward`, and a request without one is as it was", () => {
    const forwarding = configured(',"forward":true');
    expect(upstream(forwarding, `x-api-key=${CI}\n:path=/?key=${CI}`)).toBe(
      `x-api-key=${CI}\n:path=/?key=${CI}`,
    );
    const keys = configured();
    expect(upstream(keys, ":path=/a?b=1\ncookie=a=1")).toBe(":path=/a?b=1\ncookie=a=1");
  });

  it("leave a request as it was until it goes on", () => {
    const keys = configured();
    arrives("x-api-key=" + CI);
    keys.authenticate(request);
    expect(host("headers 0")).toBe(":method=GET\nx-api-key=" + CI);
  });

  it("are refused with a challenge, and a reason that says nothing of them", () => {
    const keys = configured();
    expect(verdict(keys, "x-api-key=secret")).toBe("refused <absent>");
    expect(replyOf(keys.rejection)).toBe("401 API key refused www-authenticate: ApiKey");
    expect(text(keys.rejection.reason)).toBe("authz:api-key");
    expect(host("logs")).toBe("");
    expect(host("metrics")).toBe("");
    keys.define();
    keys.rejection.tally();
    expect(host("metrics")).toBe("kind=.=api-key;.;outrigger_authz_rejected=0");
  });
});

describe("the configuration of API keys", () => {
  it("takes hashes in either case, and says what else is wrong, all of it", () => {
    expect(problems(`{${EVERYWHERE},"keys":[{"name":"ci","sha256":"${CI_HASH.toUpperCase()}"}]}`)).toBe("");
    expect(problems("{}")).toBe(
      "from: required; expected a list of 1 to 16 places, like [{header: x-api-key}]\n" +
        "keys: required; expected a list of objects with a name and a sha256",
    );
    expect(problems('{"from":[],"keys":[]}')).toBe(
      "from: expected a list of 1 to 16 places, like [{header: x-api-key}], got an empty list\n" +
        "keys: expected a list of objects with a name and a sha256",
    );
    expect(problems('{"from":"x-api-key","keys":{},"forward":"yes","key":1}')).toBe(
      "key: unknown field; expected from, forward or keys\n" +
        'forward: expected true or false, got "yes"\n' +
        'from: expected a list of 1 to 16 places, like [{header: x-api-key}], got "x-api-key"\n' +
        "keys: expected a list of objects with a name and a sha256",
    );
    expect(problems("[]")).toBe("configuration: expected an object, got an empty list");
  });

  it("has places that a key can have for itself", () => {
    const wrong =
      '[{},{"header":"a","cookie":"b"},{"body":"x"},"x",{"header":"a b"},{"header":"Authorization"},{"header":"cookie"},' +
      '{"header":"host"},{"queryParam":""},{"queryParam":1},{"cookie":"a=b"},{"cookie":2},{"header":"x-api-key"}]';
    const expected = "one of {header: x-api-key}, {queryParam: key} or {cookie: key}";
    const other = "a header with another meaning; expected one for the key alone, like x-api-key";
    expect(problems(`{"from":${wrong},${KEYS}}`)).toBe(
      `from[0]: expected ${expected}, got an object\n` +
        `from[1]: expected ${expected}, got an object\n` +
        `from[2]: expected ${expected}, got an object\n` +
        `from[3]: expected ${expected}, got "x"\n` +
        'from[4].header: expected the name of a header, got "a b"\n' +
        `from[5].header: ${other}\n` +
        `from[6].header: ${other}\n` +
        `from[7].header: ${other}\n` +
        'from[8].queryParam: expected the name of a query parameter, got ""\n' +
        "from[9].queryParam: expected the name of a query parameter, got 1\n" +
        'from[10].cookie: expected the name of a cookie, got "a=b"\n' +
        "from[11].cookie: expected the name of a cookie, got 2",
    );
    const many = '{"header":"a"},'.repeat(16) + '{"header":"a"}';
    expect(problems(`{"from":[${many}],${KEYS}}`)).toBe(
      "from: expected a list of 1 to 16 places, like [{header: x-api-key}], got a list",
    );
  });

  it("has each name and each hash once", () => {
    const twice = `{"name":"ci","sha256":"${CI_HASH}"},{"name":"ci","sha256":"${SHOP_HASH}"},{"name":"b","sha256":"${CI_HASH.toUpperCase()}"}`;
    expect(problems(`{${EVERYWHERE},"keys":[${twice}]}`)).toBe(
      "keys[1].name: another key has this name\n" +
        "keys[2]: another key has this sha256, or its first 64 bits",
    );
  });

  it("never tells a key that stands where its hash or its name belongs", () => {
    const keys =
      `{"name":"a","sha256":"${CI}"},"${CI}",["${CI}"],{"name":"b","key":"${CI}"},{"name":"c","sha256":["${CI}"]},` +
      `{"name":"d","sha256":"${CI_HASH}0"},{"name":"e","sha256":"${CI_HASH.substring(1)}g"},{"name":"${CI}/+==","sha256":"${SHOP_HASH}"}`;
    const told = problems(`{${EVERYWHERE},"keys":[${keys}]}`);
    expect(told.includes("ork_")).toBe(false);
    expect(told.includes("bf06")).toBe(false);
    const each =
      "keys[0].sha256: expected 64 hexadecimal digits\n" +
      "keys[1]: expected an object with a name and a sha256, and never the secret itself\n" +
      "keys[2]: expected an object with a name and a sha256, and never the secret itself\n" +
      "keys[3].key: unknown field; expected name or sha256\n" +
      "keys[4].sha256: expected 64 hexadecimal digits\n" +
      "keys[5].sha256: expected 64 hexadecimal digits\n" +
      "keys[6].sha256: expected 64 hexadecimal digits\n" +
      "keys[7].name: expected a name of 1 to 63 characters out of A-Z a-z 0-9 _ . -";
    expect(told).toBe(each);
  });

  it("has 100,000 keys at most, all of which are found", () => {
    const reader = newReader();
    const list = new Array<string>(100000);
    for (let at = 0; at < list.length; at++) {
      const digits = at.toString().padStart(8, "0");
      list[at] = `{"name":"k${at}","sha256":"${digits.repeat(8)}"}`;
    }
    list[77777] = `{"name":"ci","sha256":"${CI_HASH}"}`;
    const keys = ApiKeys.read(reader, parsed(bytes(`{${EVERYWHERE},"keys":[${list.join(",")}]}`)))!;
    expect(reader.report()).toBe("");
    expect(verdict(keys, "x-api-key=" + CI)).toBe("passed ci");
    list.push(`{"name":"one-more","sha256":"${SHOP_HASH}"}`);
    expect(problems(`{${EVERYWHERE},"keys":[${list.join(",")}]}`)).toBe(
      "keys: too many: expected at most 100000",
    );
  });
});
