import { unknownCelAttribute } from "../../assembly/match/cel-attributes";
import { Random } from "./random";
import { same } from "./same";
import { bytes } from "./texts";

/** What is said of the first unknown attribute, up to what is expected instead. */
function problem(expression: string): string {
  const said = unknownCelAttribute(bytes(expression));
  const end = said.indexOf(";");
  return end < 0 ? said : said.substring(0, end);
}

describe("an expression", () => {
  it("may name all that Envoy has", () => {
    const right = [
      "",
      "true",
      'request.path == "/" && !("x" in request.headers)',
      'request.headers["x-id"].startsWith("a") || request . host == "h"',
      'request["headers"]["x"] == request["path"]',
      "connection.mtls && connection.id > 0u",
      "response.code >= 500 && response.trailers.size() == 0",
      'metadata.filter_metadata["envoy.filters.http.jwt_authn"]["payload"]["sub"] == "a"',
      'filter_state["x"] == b"a" && xds.route_name == r"\\"',
      "[1, 2].exists(x, x == request.size)",
      "[1].all( each , each > 0) && {'a': 1}.a == 1",
      "request.path == '/' // the root\n && // of all\n request.host == 'http://h' //",
      "size(request.path) > 3 && int(request.query) == 0x1f && 1e3 > 2.5e-1",
      "type(request.path) == string && request.time < timestamp('2026-01-01T00:00:00Z')",
      "'reqest.path' == \"respnse\" && '''a 'quoted' name.other''' != r'\\'",
      'plugin_name == "a" && listener_direction == 1',
      "source.address == destination.address ? source.port == 1 : upstream.port == 2",
    ];
    for (let at = 0; at < right.length; at++) same(unknownCelAttribute(bytes(right[at])), "", right[at]);
  });

  it("may name nothing else", () => {
    expect(problem("reqest.path == ''")).toBe("Envoy has no attribute reqest");
    expect(problem("request.heders['a']")).toBe("request has no heders in Envoy");
    expect(problem("request[ 'heders' ]['a']")).toBe("request has no heders in Envoy");
    expect(problem("request.path == '' && sourc.address == ''")).toBe("Envoy has no attribute sourc");
    expect(problem("connection.mtl")).toBe("connection has no mtl in Envoy");
    expect(problem("[1].exists(x, y == 1)")).toBe("Envoy has no attribute y");
    expect(problem("request.path.exists(x, x == 'a') && z")).toBe("Envoy has no attribute z");
    expect(problem("requestpath")).toBe("Envoy has no attribute requestpath");
    expect(problem("true // a\n || b")).toBe("Envoy has no attribute b");
    expect(problem("request.size / a / b > 1")).toBe("Envoy has no attribute a");
    expect(problem("True")).toBe("Envoy has no attribute True");
  });

  it("is read to its end, whatever it is", () => {
    const random = new Random(17);
    const parts = [
      "request",
      ".",
      "[",
      "]",
      "'",
      '"',
      "'''",
      "\\",
      "r",
      "b",
      "(",
      ")",
      ",",
      " ",
      "x",
      "9",
      "path",
      "\0",
      "ä",
      "\n",
    ];
    for (let run = 0; run < 5000; run++) {
      let expression = "";
      for (let at = random.below(14); at > 0; at--) expression += random.pick(parts);
      unknownCelAttribute(bytes(expression));
    }
  });
});
