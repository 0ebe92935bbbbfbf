import { identity } from "../../filters/authz/identity";
import { BasicUsers } from "../../filters/authz/identity/basic";
import { arrives, nameOf, replyOf, request } from "./authenticating";
import { host, resetHost } from "./mock-host";
import { newReader, parsed } from "./reading";
import { bytes, text } from "./texts";

/** The users of RFC 7617 §2 ("open sesame") and §2.1 ("123£"), and one whose password is empty; hashes by Python's hashlib. */
const USERS =
  '"users":[' +
  '{"name":"Aladdin","salt":"000102030405060708090a0b0c0d0e0f","sha256":"7930cffa32141129450571e8c98b9ff3f43de44833ba86b1fb13960bb408911c"},' +
  '{"name":"test","salt":"F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF","sha256":"7ce9265086d88f4049503f873c5861469080260692b058c4dc14f42f580c19dc"},' +
  '{"name":"colon","salt":"0f0e0d0c0b0a09080706050403020100","sha256":"cb54d8b05bc17cce06f92dcf1f15aee4eb0280b85c46728c8440a27c5ec02ebb"},' +
  '{"name":"empty","salt":"0f0e0d0c0b0a09080706050403020100","sha256":"1f919296baf10802bb9783851d948bf3c048cebcf6bec518db898b2938fc2f20"}]';
/** Of the same salt and 3,067 and 3,070 times `x`. */
const LONG_HASH = "a16299a4e01aeaae6e50f360ed4c8a7da4e9e608d2172321fcc689bc37793fd7";
const LONGER_HASH = "243192a158daaa3ec90ccc5b9d4f787805eff9c74f7c76044f1a2e7e4fdfe269";
const ALADDIN = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const TEST = "dGVzdDoxMjPCow==";

function problems(document: string): string {
  const reader = newReader();
  BasicUsers.read(reader, parsed(bytes(document)));
  return reader.report();
}

function configured(more: string = ""): BasicUsers {
  const reader = newReader();
  const users = BasicUsers.read(reader, parsed(bytes(`{${USERS}${more}}`)));
  expect(reader.report()).toBe("");
  return users!;
}

/** What comes of a request with these lines, and whose it is: `passed test`. */
function verdict(users: BasicUsers, lines: string): string {
  arrives(lines);
  return nameOf(users.authenticate(request)) + " " + text(identity.user);
}

function authorized(users: BasicUsers, value: string): string {
  return verdict(users, "authorization=" + value);
}

/** The headers of a request that goes on, without its method. */
function upstream(users: BasicUsers, lines: string): string {
  arrives(lines);
  users.authenticate(request);
  users.strip(request);
  return host("headers 0").replace(":method=GET\n", "");
}

describe("HTTP basic authentication", () => {
  beforeEach(() => {
    resetHost();
  });

  it("takes the examples of RFC 7617", () => {
    const users = configured();
    expect(authorized(users, "Basic " + ALADDIN)).toBe("passed Aladdin");
    expect(authorized(users, "Basic " + TEST)).toBe("passed test");
  });

  it("ends the name at the first colon", () => {
    const users = configured();
    // `colon:a:b`, `empty:`, `empty::`.
    expect(authorized(users, "Basic Y29sb246YTpi")).toBe("passed colon");
    expect(authorized(users, "Basic ZW1wdHk6")).toBe("passed empty");
    expect(authorized(users, "Basic ZW1wdHk6Og==")).toBe("refused <absent>");
  });

  it("takes the scheme in any case, with one space or more behind it", () => {
    const users = configured();
    expect(authorized(users, "basic " + ALADDIN)).toBe("passed Aladdin");
    expect(authorized(users, "BASIC   " + ALADDIN)).toBe("passed Aladdin");
  });

  it("leaves other schemes to others, and requests without one", () => {
    const users = configured();
    expect(authorized(users, "Bearer a.b.c")).toBe("passed <absent>");
    expect(authorized(users, "Basicx " + ALADDIN)).toBe("passed <absent>");
    expect(authorized(users, "Basic-2 " + ALADDIN)).toBe("passed <absent>");
    expect(authorized(users, "Basi")).toBe("passed <absent>");
    expect(authorized(users, "")).toBe("passed <absent>");
    expect(verdict(users, "x-a=1")).toBe("passed <absent>");
  });

  it("refuses a wrong password, a user that is not known, and one without a name", () => {
    const users = configured();
    // `Aladdin:open sesam`, `Aladdin:open sesamE`, `Aladdin:`, `aladdin:open sesame`, `:open sesame`, `test:open sesame`.
    const wrong = [
      "QWxhZGRpbjpvcGVuIHNlc2Ft",
      "QWxhZGRpbjpvcGVuIHNlc2FtRQ==",
      "QWxhZGRpbjo=",
      "YWxhZGRpbjpvcGVuIHNlc2FtZQ==",
      "Om9wZW4gc2VzYW1l",
      "dGVzdDpvcGVuIHNlc2FtZQ==",
    ];
    for (let at = 0; at < wrong.length; at++) {
      expect(authorized(users, "Basic " + wrong[at])).toBe("refused <absent>", wrong[at]);
    }
  });

  it("refuses what is no credentials: never base64 that somebody might read in another way", () => {
    const users = configured();
    const wrong = [
      "Basic",
      "Basic  ",
      "Basic\t" + ALADDIN,
      "Basic:" + ALADDIN,
      "Basic,Basic " + ALADDIN,
      "Basic =",
      "Basic QWxhZGRpbg==",
      // Without padding, with a bit of no byte, with white space, of the other alphabet, with more behind it.
      "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
      "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==",
      "Basic QWxhZGRpbjpvcGVuIHNlc2Ft ZQ==",
      `Basic ${ALADDIN} `,
      `Basic ${ALADDIN}=`,
      `Basic ${ALADDIN}${ALADDIN}`,
      "Basic -_-_",
      "Basic \u00ff\u00ff",
      'Basic username="Aladdin"',
    ];
    for (let at = 0; at < wrong.length; at++) {
      expect(authorized(users, wrong[at])).toBe("refused <absent>", wrong[at]);
    }
  });

  it("refuses credentials that come twice, even the same", () => {
    const users = configured();
    const header = "authorization=Basic " + ALADDIN;
    expect(verdict(users, `${header}\n${header}`)).toBe("refused <absent>");
    expect(authorized(users, `Basic ${ALADDIN},Bearer a.b.c`)).toBe("refused <absent>");
  });

  it("refuses credentials of more than 4,096 characters, even right ones", () => {
    const salt = '"salt":"0f0e0d0c0b0a09080706050403020100"';
    const reader = newReader();
    const users = BasicUsers.read(
      reader,
      parsed(
        bytes(
          `{"users":[{"name":"long",${salt},"sha256":"${LONG_HASH}"},{"name":"more",${salt},"sha256":"${LONGER_HASH}"}]}`,
        ),
      ),
    )!;
    expect(reader.report()).toBe("");
    // `long:xx..` and `more:xx..`, of which three characters are four in base64.
    expect(authorized(users, "Basic bG9uZzp4" + "eHh4".repeat(1022))).toBe("passed long");
    expect(authorized(users, "Basic bW9yZTp4" + "eHh4".repeat(1023))).toBe("refused <absent>");
    expect(authorized(users, "Basic " + "eHh4".repeat(25000))).toBe("refused <absent>");
  });

  it("forgets who came before", () => {
    const users = configured();
    expect(authorized(users, "Basic " + ALADDIN)).toBe("passed Aladdin");
    expect(authorized(users, "Basic QWxhZGRpbjo=")).toBe("refused <absent>");
    expect(verdict(users, "x-a=1")).toBe("passed <absent>");
  });

  it("does not let credentials reach the upstream, unless it is told to; others it leaves alone", () => {
    const users = configured();
    expect(upstream(users, `authorization=Basic ${ALADDIN}\nx-a=1`)).toBe("x-a=1");
    expect(upstream(users, "authorization=Bearer a.b.c\nx-a=1")).toBe("authorization=Bearer a.b.c\nx-a=1");
    const forwarding = configured(',"forward":true');
    expect(upstream(forwarding, `authorization=Basic ${ALADDIN}`)).toBe("authorization=Basic " + ALADDIN);
    arrives("authorization=Basic " + ALADDIN);
    users.authenticate(request);
    expect(host("headers 0").includes("authorization")).toBe(true);
  });

  it("challenges with its realm, and says nothing of what came", () => {
    const users = configured(',"realm":"shop \\"A\\\\B\\""');
    expect(authorized(users, "Basic QWxhZGRpbjo=")).toBe("refused <absent>");
    expect(replyOf(users.rejection)).toBe(
      '401 user or password refused www-authenticate: Basic realm="shop \\"A\\\\B\\"", charset="UTF-8"',
    );
    expect(replyOf(configured().rejection).endsWith('Basic realm="restricted", charset="UTF-8"')).toBe(true);
    expect(text(users.rejection.reason)).toBe("authz:basic");
    expect(host("logs")).toBe("");
    users.define();
    expect(host("metrics")).toBe("kind=.=basic;.;outrigger_authz_rejected=0");
  });
});

describe("the configuration of HTTP basic authentication", () => {
  it("says what is wrong, all of it", () => {
    expect(problems("{}")).toBe("users: required; expected a list of objects with a name and a sha256");
    expect(problems('{"realm":"","forward":1,"users":"ann","user":1}')).toBe(
      "user: unknown field; expected realm, forward or users\n" +
        'realm: expected a text of 1 to 255 bytes without control characters, got ""\n' +
        "forward: expected true or false, got 1\n" +
        "users: expected a list of objects with a name and a sha256",
    );
    expect(problems(`{"realm":"a\\nb",${USERS}}`).startsWith("realm: expected a text")).toBe(true);
    expect(problems(`{"realm":"${"x".repeat(255)}",${USERS}}`)).toBe("");
    expect(problems(`{"realm":"${"x".repeat(256)}",${USERS}}`).startsWith("realm: expected a text")).toBe(
      true,
    );
  });

  it("has names that can be sent, each once", () => {
    const salted = '"salt":"000102030405060708090a0b0c0d0e0f","sha256":"' + "ab".repeat(32) + '"';
    const expected = "expected a name of 1 to 255 bytes without colon and control characters";
    const users =
      `{"name":"a:b",${salted}},{"name":"",${salted}},{"name":"a\\u0001",${salted}},{"name":5,${salted}},{${salted}},` +
      `{"name":"${"x".repeat(256)}",${salted}},{"name":"\u00e9 @x",${salted}},{"name":"\u00e9 @x",${salted}}`;
    expect(problems(`{"users":[${users}]}`)).toBe(
      `users[0].name: ${expected}\nusers[1].name: ${expected}\nusers[2].name: ${expected}\nusers[3].name: ${expected}\n` +
        `users[4].name: required; ${expected}\nusers[5].name: ${expected}\nusers[7]: another user has this name`,
    );
  });

  it("has salts of 16 to 64 bytes, all of one length", () => {
    const hash = '"sha256":"' + "ab".repeat(32) + '"';
    const salted = (bytes: i32): string => '"salt":"' + "ab".repeat(bytes) + '"';
    const expected = "expected 32 to 128 hexadecimal digits";
    expect(
      problems(
        `{"users":[{"name":"a",${salted(15)},${hash}},{"name":"b",${salted(65)},${hash}},{"name":"c","salt":"abc",${hash}},{"name":"d",${hash}}]}`,
      ),
    ).toBe(
      `users[0].salt: ${expected}\nusers[1].salt: ${expected}\nusers[2].salt: ${expected}\nusers[3].salt: required; ${expected}`,
    );
    expect(
      problems(`{"users":[{"name":"a",${salted(64)},${hash}},{"name":"b",${salted(64)},${hash}}]}`),
    ).toBe("");
    expect(
      problems(`{"users":[{"name":"a",${salted(16)},${hash}},{"name":"b",${salted(17)},${hash}}]}`),
    ).toBe("users[1]: expected a salt as long as those before: the time would tell who is a user");
  });

  it("never tells a password that stands where its hash or another field belongs", () => {
    const salt = '"salt":"000102030405060708090a0b0c0d0e0f"';
    const told = problems(
      `{"users":[{"name":"a",${salt},"sha256":"hunter2"},"a:hunter2",{"name":"b:hunter2",${salt},"sha256":"hunter2"},{"name":"c","salt":"hunter2","password":"hunter2"}]}`,
    );
    expect(told.includes("hunter2")).toBe(false);
    expect(told.includes("users[0].sha256: expected 64 hexadecimal digits")).toBe(true);
    expect(told.includes("users[1]: expected an object")).toBe(true);
    expect(told.includes("users[3].password: unknown field; expected name, salt or sha256")).toBe(true);
  });
});
