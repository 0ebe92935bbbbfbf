/** CEL expressions that the proxy evaluates over the attributes of a stream. */
import { beforeAll, expect, it } from "vitest";
import { argument, type Player, type Stage } from "../player.ts";

export function expressions(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ plugins: ["label a", "label b"] });
  });
  const evaluate = async (expression: string): Promise<string | undefined> =>
    (
      await stage.results([`a/request-headers cel ${argument(expression)}`], {
        path: "/a/b?q=1",
        headers: [
          ["x-a", "1"],
          ["x-c", "1"],
          ["x-c", "2"],
          ["x-u", "é"],
          ["x-bad", "\xff"],
        ],
      })
    )[0];
  const TRUE = "%01";
  const FALSE = "%00";

  it.each([
    ["true", TRUE],
    ["1 + 2 == 3", TRUE],
    ["1 == 2", FALSE],
    ["1 + 2", "%03%00%00%00%00%00%00%00"],
    ["-1", "%FF".repeat(8)],
    ["5u", "%05%00%00%00%00%00%00%00"],
    ["1.5 * 2.0", "%00%00%00%00%00%00%08@"],
    ["'te' + 'xt'", "text"],
    ["'é'", "%C3%A9"],
    ["size('é')", "%01%00%00%00%00%00%00%00"],
    ["b'bytes'", "bytes"],
    ["duration('1s')", "%00%CA%9A;%00%00%00%00"],
    ["timestamp('2024-01-01T00:00:00Z')", "%00%00e%01%17%10%A6%17"],
    ["['a', 'bc']", "%02%00%00%00%01%00%00%00%00%00%00%00%02%00%00%00%00%00%00%00a%00%00bc%00%00"],
    ["[]", "%00%00%00%00"],
    ["{'k': 'v'}", "%01%00%00%00%01%00%00%00%01%00%00%00k%00v%00"],
    ["{}", "%00%00%00%00"],
    ["1 == 'a'", FALSE],
    ["1 == 1.0", TRUE],
    ["1 < 1.5", TRUE],
    ["[1, 'a'].size()", "%02%00%00%00%00%00%00%00"],
    ["[1, 2].exists(x, x > 1)", TRUE],
    ["[1, 2].all(x, x > 1)", FALSE],
    ["2 in [1, 2]", TRUE],
    ["startsWith('ab', 'a')", TRUE],
    ["request.method == 'GET' ? 'yes' : 'no'", "yes"],
  ])("of constants: %s is %s", async (expression, value) => {
    expect(await evaluate(expression)).toBe(value);
  });

  it.each([
    ["request.path", "/a/b?q=1"],
    ["request.url_path.startsWith('/a/')", TRUE],
    ["request.path.matches('^/[ab]/')", TRUE],
    ["request.headers['x-a']", "1"],
    ["request.headers['X-A'] == '1'", TRUE],
    ["request.headers['x-c']", "1,2"],
    ["request.headers['x-u']", "%E9"],
    ["request.headers['x-bad']", "%FF"],
    ["request.headers['x-bad'] == ''", FALSE],
    ["'x-a' in request.headers", TRUE],
    ["'X-A' in request.headers", TRUE],
    ["'x-none' in request.headers", FALSE],
    ["has(request.headers)", TRUE],
    ["has(request.nothing)", FALSE],
    ["size(request.headers) > 3", TRUE],
    ["request.time > timestamp('2020-01-01T00:00:00Z')", TRUE],
    ["connection.mtls", FALSE],
    ["xds.route_name", "default"],
    ["plugin_name.size() > 0", TRUE],
    ["source.port > 0", TRUE],
  ])("of the stream: %s is %s", async (expression, value) => {
    expect(await evaluate(expression)).toBe(value);
  });

  it.each([
    "request.headers['x-none']",
    "request.headers['x-none'] == ''",
    "request.nothing",
    "request.nothing == 'x'",
    "response.code",
    "foo",
    "foo.bar == 1",
    "1 / 0",
    "1 + 'a'",
    "!request.path",
    "[1][3]",
    "{'a': 1}['b']",
    "int('x')",
    "9223372036854775807 + 1",
    "request.path.matches('(')",
  ])("that go wrong answer an error: %s", async (expression) => {
    expect(await evaluate(expression)).toBe("InternalFailure");
  });

  it.each([
    ["false && foo.bar", FALSE],
    ["foo.bar == 1 && false", FALSE],
    ["true || foo", TRUE],
    ["foo.bar == 1 || true", TRUE],
  ])("that are decided in spite of an error: %s is %s", async (expression, value) => {
    expect(await evaluate(expression)).toBe(value);
  });

  it.each(["null", "type(1)", "request"])("whose value has no bytes: %s", async (expression) => {
    expect(await evaluate(expression)).toBe("SerializationFailure");
  });

  it.each([
    "",
    "request.path ==",
    "(1",
    "'open",
    "1 2",
    "no_such(1)",
    "'a'.no_such()",
    "'a'.matches('a', 'b')",
    "size()",
    "'a'.indexOf('b')",
    "'A'.lowerAscii()",
    "math.greatest(1, 2)",
    "cel.bind(x, 1, x)",
    "optional.of(1)",
  ])("that are none are refused when they are made: %s", async (expression) => {
    expect(await evaluate(expression)).toBe("BadArgument");
  });

  it("are evaluated again and again, until they are deleted", async () => {
    expect(
      await stage.results([
        "a/request-headers create-expression request.method",
        "a/request-headers evaluate last",
        "a/request-headers evaluate last",
        "a/request-headers delete-expression last",
        "a/request-headers evaluate last",
        "a/request-headers delete-expression last",
        "a/request-headers evaluate 4000000000",
      ]),
    ).toEqual(["created", "GET", "GET", "Ok", "NotFound", "Ok", "NotFound"]);
  });

  it("belong to the root context that made them", async () => {
    // One VM, two root contexts: the second has no expression of this number, and later another one.
    expect(
      await stage.results([
        "a/request-headers create-expression 'made%20by%20a'",
        "a/request-headers evaluate last",
        "b/request-headers evaluate last",
        "b/request-headers delete-expression last",
        "a/response-headers evaluate last",
        "a/response-headers delete-expression last",
      ]),
    ).toEqual(["created", "made by a", "NotFound", "Ok", "made by a", "Ok"]);
  });

  it("made with a configuration serve every stream of it", async () => {
    const configured = await player().open({ plugins: ["configure create-expression request.path"] });
    for (const path of ["/one", "/two"])
      expect(await configured.results(["request-headers evaluate last"], { path })).toEqual([path]);
    await configured.close();
  });

  it("see no stream while there is none", async () => {
    const configured = await player().open({
      plugins: ["label p\nconfigure cel 1+1\nconfigure cel request.path\nconfigure cel plugin_root_id!=''"],
    });
    const answers = (await configured.collect()).results;
    expect(answers.slice(0, 3)).toEqual(["%02%00%00%00%00%00%00%00", "InternalFailure", "%01"]);
    await configured.close();
  });
}
