import { resetArena } from "../../assembly/bytes/arena";
import { readRequestMatch, RequestMatcher } from "../../assembly/match/request-match";
import { RequestView } from "../../assembly/request-view";
import { hostHasHeaders, resetHost } from "./mock-host";
import { newReader, parsed } from "./reading";
import { same } from "./same";
import { bytes } from "./texts";

const request = new RequestView();

function arrives(lines: string): void {
  resetArena();
  hostHasHeaders(lines);
  same(request.load(), true);
}

function problems(match: string): string {
  const reader = newReader();
  readRequestMatch(reader, parsed(bytes(match)));
  return reader.report();
}

function matcherOf(match: string): RequestMatcher {
  const reader = newReader();
  const matcher = readRequestMatch(reader, parsed(bytes(match)));
  same(reader.report(), "", match);
  return matcher;
}

/** Whether `match` holds for the request that arrived last. */
function holds(match: string): bool {
  const matcher = matcherOf(match);
  // Reading the match took the arena.
  resetArena();
  same(request.load(), true);
  return matcher.matches(request);
}

describe("a RequestMatch", () => {
  beforeEach(() => {
    resetHost();
    arrives(
      ":method=GET\n:path=/api/users?page=2&q=%41b\n:authority=API.Example.com:8080\nx-user=Ann\nx-group=a\nx-group=b\n" +
        "cookie=session=s1; variant=v2\nx-empty=",
    );
  });

  it("that is empty holds always", () => {
    expect(holds("{}")).toBe(true);
    expect(holds('{"headers":{}}')).toBe(true);
  });

  it("takes one of several methods, by case", () => {
    expect(holds('{"methods":["POST","GET"]}')).toBe(true);
    expect(holds('{"methods":["POST"]}')).toBe(false);
    expect(holds('{"methods":["get"]}')).toBe(false);
  });

  it("compares the path without query", () => {
    expect(holds('{"path":"/api/users"}')).toBe(true);
    expect(holds('{"path":{"suffix":"users"}}')).toBe(true);
    expect(holds('{"path":{"contains":"page"}}')).toBe(false);
  });

  it("compares the host without port, in any case", () => {
    expect(holds('{"host":"api.example.com"}')).toBe(true);
    expect(holds('{"host":"API.EXAMPLE.COM"}')).toBe(true);
    expect(holds('{"host":{"suffix":".Example.Com"}}')).toBe(true);
    expect(holds('{"host":{"in":["Other","Api.example.com"]}}')).toBe(true);
    expect(holds('{"host":"api.example.com:8080"}')).toBe(false);
  });

  it("compares headers by names in any case and values by case", () => {
    expect(holds('{"headers":{"X-User":"Ann"}}')).toBe(true);
    expect(holds('{"headers":{"x-user":"ann"}}')).toBe(false);
    expect(holds('{"headers":{"x-user":{"exact":"ann","ignoreCase":true}}}')).toBe(true);
    expect(holds('{"headers":{"x-none":{"present":true}}}')).toBe(false);
    expect(holds('{"headers":{"x-none":{"present":true,"not":true}}}')).toBe(true);
    expect(holds('{"headers":{"x-empty":{"present":true}}}')).toBe(true);
  });

  it("sees all values of a header that came twice", () => {
    expect(holds('{"headers":{"x-group":"a,b"}}')).toBe(true);
    expect(holds('{"headers":{"x-group":"a"}}')).toBe(false);
  });

  it("compares pseudo-headers by their names, and `host` is the authority", () => {
    expect(holds('{"headers":{":method":"GET"}}')).toBe(true);
    expect(holds('{"headers":{":Path":{"suffix":"q=%41b"}}}')).toBe(true);
    expect(holds('{"headers":{":authority":"API.Example.com:8080"}}')).toBe(true);
    expect(holds('{"headers":{"Host":"API.Example.com:8080"}}')).toBe(true);
  });

  it("compares query parameters, decoded, and cookies, raw", () => {
    expect(holds('{"queryParams":{"page":"2","q":"Ab"}}')).toBe(true);
    expect(holds('{"queryParams":{"q":"%41b"}}')).toBe(false);
    expect(holds('{"cookies":{"variant":"v2"}}')).toBe(true);
    expect(holds('{"cookies":{"variant":"v1"}}')).toBe(false);
  });

  it("holds only when all that it says holds", () => {
    expect(holds('{"methods":["GET"],"path":{"prefix":"/api"},"headers":{"x-user":"Ann"}}')).toBe(true);
    expect(holds('{"methods":["PUT"],"path":{"prefix":"/api"},"headers":{"x-user":"Ann"}}')).toBe(false);
    expect(holds('{"methods":["GET"],"path":{"prefix":"/apo"},"headers":{"x-user":"Ann"}}')).toBe(false);
    expect(
      holds('{"methods":["GET"],"path":{"prefix":"/api"},"headers":{"x-user":"Ann","x-none":"1"}}'),
    ).toBe(false);
  });

  it("with `anyOf` needs one of them, beside all the rest", () => {
    expect(holds('{"anyOf":[{"methods":["PUT"]},{"headers":{"x-user":"Ann"}}]}')).toBe(true);
    expect(holds('{"anyOf":[{"methods":["PUT"]},{"headers":{"x-user":"Bob"}}]}')).toBe(false);
    expect(holds('{"anyOf":[{"methods":["PUT"]},{}],"path":"/other"}')).toBe(false);
    expect(holds('{"anyOf":[{}]}')).toBe(true);
  });

  it("with `not` needs that it does not hold, beside all the rest", () => {
    expect(holds('{"not":{"methods":["PUT"]}}')).toBe(true);
    expect(holds('{"not":{"methods":["GET"]}}')).toBe(false);
    expect(holds('{"not":{"methods":["GET"],"path":"/other"}}')).toBe(true);
    expect(holds('{"not":{"not":{"methods":["GET"]}}}')).toBe(true);
    expect(holds('{"not":{}}')).toBe(false);
    expect(holds('{"methods":["GET"],"not":{"anyOf":[{"path":"/x"},{"cookies":{"variant":"v2"}}]}}')).toBe(
      false,
    );
  });

  it("may be nested as deep as JSON may", () => {
    expect(holds('{"not":'.repeat(60) + '{"methods":["GET"]}' + "}".repeat(60))).toBe(true);
    expect(holds('{"not":'.repeat(61) + '{"methods":["GET"]}' + "}".repeat(61))).toBe(false);
  });
});

describe("a RequestMatch that is wrong", () => {
  it("is no object", () => {
    expect(problems("[]")).toBe("configuration: expected an object, got an empty list");
    expect(problems('{"not":1}')).toBe("not: expected an object, got 1");
    expect(problems('{"anyOf":[1]}')).toBe("anyOf[0]: expected an object, got 1");
  });

  it("has unknown fields", () => {
    expect(
      problems('{"method":"GET"}').startsWith("method: unknown field; expected methods, path, host, headers"),
    ).toBe(true);
  });

  it("has all its problems told, each with its path", () => {
    expect(
      problems(
        '{"methods":"GET","path":{"prefix":""},"headers":{"x-a":1,"b c":"v"},"anyOf":[{"host":[]}],"not":{"cookies":[]}}',
      ),
    ).toBe(
      'methods: expected a list of at least one string, got "GET"\n' +
        "path.prefix: empty; expected at least one character (or `present: true`)\n" +
        "headers.x-a: expected a string, or an object with one of exact, prefix, suffix, contains, regex, in or present, got 1\n" +
        'headers["b c"]: expected the name of a header\n' +
        "anyOf[0].host: expected a string, or an object with one of exact, prefix, suffix, contains, regex, in or present, got an empty list\n" +
        "not.cookies: expected an object from names to matches, got an empty list",
    );
  });

  it("has an empty list where one would never hold", () => {
    expect(problems('{"methods":[]}')).toBe(
      "methods: expected a list of at least one string, got an empty list",
    );
    expect(problems('{"anyOf":[]}')).toBe("anyOf: expected a list of at least one match, got an empty list");
    expect(problems('{"anyOf":{}}')).toBe("anyOf: expected a list, got an object");
  });

  it("has names of headers, parameters or cookies that are none", () => {
    expect(problems('{"headers":{"":"x"}}')).toBe('headers[""]: expected the name of a header');
    expect(problems('{"headers":{":":"x"}}')).toBe("headers.:: expected the name of a header");
    expect(problems('{"queryParams":{"":"x"}}')).toBe(
      'queryParams[""]: expected the name of a query parameter',
    );
    expect(problems('{"cookies":{"":"x"}}')).toBe('cookies[""]: expected the name of a cookie');
  });
});
