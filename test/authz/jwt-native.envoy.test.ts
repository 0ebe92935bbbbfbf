import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Header, HttpRequest } from "../driver.ts";
import { headerOf, Twins, type JwtRule, type Outcome } from "./jwt-native.ts";
import { token } from "../jwt/signing.ts";
import { ALPHA, anyToken, BETA, Choices } from "./jwt-tokens.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const count = Number(process.env.COUNT ?? 600);
console.log(`seed ${seed}`);

const alpha: JwtRule = { issuer: ALPHA.name, jwks: ALPHA.jwks };
const beta: JwtRule = { issuer: BETA.name, jwks: BETA.jwks };
const OUTPUTS = ["sub", "level", "groups", "realm.role", "realm", "scope", "missing", "flag"].map(
  (claim) => ({
    header: `x-${claim.replace(".", "-")}`,
    claim,
  }),
);

/** What a RequestAuthentication may say. */
const SETS: readonly (readonly JwtRule[])[] = [
  [alpha],
  [{ ...alpha, audiences: ["shop", "http://market/"] }],
  [{ ...alpha, forwardOriginalToken: true, outputPayloadToHeader: "x-payload" }],
  [{ ...alpha, outputClaimToHeaders: OUTPUTS, spaceDelimitedClaims: ["groups"] }],
  [{ ...alpha, fromHeaders: [{ name: "x-jwt" }, { name: "x-other", prefix: "Token " }] }],
  [
    {
      ...alpha,
      fromParams: ["token"],
      fromCookies: ["session"],
      fromHeaders: [{ name: "Authorization", prefix: "Bearer " }],
    },
  ],
  [{ ...alpha, fromCookies: ["session", "a"] }],
  [beta, alpha],
  [
    { ...alpha, fromHeaders: [{ name: "x-jwt" }], outputPayloadToHeader: "x-alpha" },
    { ...beta, fromHeaders: [{ name: "x-other", prefix: "Token " }], outputPayloadToHeader: "x-beta" },
  ],
  [
    { ...alpha, audiences: ["shop"], outputPayloadToHeader: "x-first" },
    { ...alpha, audiences: ["other"], fromParams: ["token"], outputPayloadToHeader: "x-second" },
    beta,
  ],
  // All of them in one header, and the payload too.
  [
    {
      ...alpha,
      outputPayloadToHeader: "x-all",
      outputClaimToHeaders: OUTPUTS.map(({ claim }) => ({ header: "x-all", claim })),
    },
  ],
  [{ ...alpha, fromHeaders: [{ name: "x-other", prefix: "Token " }, { name: "x-other" }] }],
];

/** Places where a token may stand, as some set or other looks there. */
function place(choices: Choices, token: string, request: { path: string; headers: Header[] }): void {
  const add = (name: string, value: string): void => {
    if (!request.headers.some(([one]) => one === name)) request.headers.push([name, value]);
  };
  const query = (name: string): void => {
    request.path += `${request.path.includes("?") ? "&" : "?"}${name}=${token.replaceAll(" ", "%20")}`;
  };
  switch (choices.below(12)) {
    case 0:
      return query("access_token");
    case 1:
      return query("token");
    case 2:
      return add("x-jwt", token);
    case 3:
      return add("x-other", `${choices.of(["Token ", "token ", "A Token ", ""])}${token}`);
    case 4:
      return add("cookie", `b=1; ${choices.of(["session", "a"])}=${choices.of([token, `"${token}"`])}; c=2`);
    case 5:
      return add(
        "authorization",
        `${choices.of(["bearer ", "Bearer", "Basic ", "Bearer  ", "x Bearer ", "Bearer !"])}${token}`,
      );
    default:
      return add("authorization", `Bearer ${token}`);
  }
}

function anyRequest(choices: Choices, tokens: string[]): HttpRequest {
  const request = { method: choices.oneIn(10) ? "OPTIONS" : "GET", path: "/a", headers: [] as Header[] };
  if (choices.oneIn(3)) request.path = "/a?x=1&y=2";
  if (choices.oneIn(5)) request.headers.push(["origin", "https://a.test"]);
  if (choices.oneIn(5)) request.headers.push(["access-control-request-method", "GET"]);
  for (let left = choices.of([0, 1, 1, 1, 1, 1, 2, 2, 3]); left > 0; left--) {
    // One of an earlier request may be cached.
    const token = tokens.length > 0 && choices.oneIn(3) ? choices.of(tokens) : anyToken(choices);
    tokens.push(token);
    place(choices, token, request);
  }
  return { ...request, authority: "shop.test" };
}

const forwards = (rule: JwtRule): boolean => rule.forwardOriginalToken === true;
const isRepeated = (path: string): boolean => path.split("access_token=").length > 2;

/** What Envoy says of tokens that are none, of which we tell fewer kinds; and so of the first fault alone, where one has several. */
const NO_TOKEN =
  /^Jwt (is not in the form of|(header|payload|signature) is an invalid (JSON|Base64url)|header \[(alg|kid)\] field)/;

/** Envoy sorts the parameters of a query of which it has removed a token. */
function inOrder([name, value]: Header): Header {
  const [path = "", query] = value.split("?");
  if (name !== ":path" || query === undefined) return [name, value];
  return [name, `${path}?${query.split("&").sort().join("&")}`];
}

/** What a client and the upstream see of it. */
function seen({ response, upstream, claims }: Outcome): unknown {
  const body = Buffer.from(response.body).toString();
  return {
    status: response.status,
    body: NO_TOKEN.test(body) ? "no token" : body,
    challenge: headerOf(response.headers, "www-authenticate"),
    upstream: upstream === null ? null : upstream.headers.map(inOrder).sort(),
    claims,
  };
}

const upstreamOf = ({ upstream }: Outcome, name: string): string | undefined =>
  headerOf(upstream!.headers, name);

describe("beside Envoy's jwt_authn with istiod's translation", { timeout: 120_000 }, () => {
  let twins: Twins;
  beforeAll(async () => {
    twins = await Twins.start(SETS);
  }, 60_000);
  afterAll(() => twins?.stop());

  const both = async (set: number, request: HttpRequest): Promise<[ours: Outcome, native: Outcome]> => [
    await twins.send(set, "ours", request),
    await twins.send(set, "native", request),
  ];

  test("says the same of generated requests, to clients, to the upstream and to later filters", async () => {
    const choices = new Choices(seed);
    const tokens: string[] = [];
    const statuses: Record<string, number> = {};
    for (let at = 0; at < count; at++) {
      const set = choices.below(SETS.length);
      const request = anyRequest(choices, tokens);
      // See below.
      if (SETS[set]!.some(forwards) && isRepeated(request.path)) continue;
      const [ours, native] = await both(set, request);
      const kind = `${native.response.status} ${Buffer.from(native.response.body).toString()}`;
      statuses[kind] = (statuses[kind] ?? 0) + 1;
      expect(seen(ours), JSON.stringify({ seed, at, set, request })).toEqual(seen(native));
    }
    console.log(statuses);
  });

  test("removes what a client sends as output headers, of all rules, and of preflights too", async () => {
    const forged: Header[] = [["x-beta", "forged"]];
    const preflight: Header[] = [
      ["origin", "https://a.test"],
      ["access-control-request-method", "GET"],
    ];
    for (const request of [
      { method: "GET", path: "/", headers: [...forged, ["x-jwt", ALPHA.sign({}, ALPHA.keys[1])] as Header] },
      { method: "OPTIONS", path: "/", headers: [...forged, ...preflight] },
    ]) {
      const [ours, native] = await both(8, request);
      expect([upstreamOf(ours, "x-beta"), upstreamOf(native, "x-beta")]).toEqual([undefined, undefined]);
    }
  });

  test("takes what stands in a header behind each prefix that a rule names", async () => {
    const text = ALPHA.sign({}, ALPHA.keys[1]);
    // All of it is another token, which is wrong.
    for (const [value, status] of [
      [`Token ${text}`, 401],
      [text, 200],
    ] as const) {
      const [ours, native] = await both(11, { method: "GET", path: "/", headers: [["x-other", value]] });
      expect([value, ours.response.status, native.response.status]).toEqual([value, status, status]);
    }
  });

  describe("refuses more than Envoy does:", () => {
    const [, ec] = ALPHA.keys as [unknown, (typeof ALPHA.keys)[0]];
    const text = ALPHA.sign({}, ALPHA.keys[1]);
    const [header, payload, signature] = text.split(".") as [string, string, string];
    const signed = (claims: string, head: object = { alg: "ES256", kid: "ec" }): string =>
      token("ES256", ec, claims, head);
    const claims = `"iss":"${ALPHA.name}"`;
    const nested = `${"[".repeat(65)}${"]".repeat(65)}`;

    test.each<[string, string, string]>([
      ["padding (RFC 7515 §2)", `${header}.${payload}.${signature}==`, "form"],
      ["parts of nothing (RFC 7515 §7.1)", `.${header}..${payload}.${signature}`, "form"],
      ["JSON that is none (RFC 8259)", signed(`{'iss':'${ALPHA.name}',}`), "payload"],
      ["more than 64 levels", signed(`{${claims},"x":${nested}}`), "payload"],
      ["NUL in a text", signed(`{${claims},"x":"\\u0000"}`), "payload"],
      [
        "extensions that are critical (RFC 7515 §4.1.11)",
        signed(`{${claims}}`, { alg: "ES256", kid: "ec", crit: ["exp"] }),
        "crit",
      ],
    ])("%s", async (_what, jwt, what) => {
      const request = { method: "GET", path: "/", headers: [["authorization", `Bearer ${jwt}`]] as const };
      const [ours, native] = await both(0, request);
      expect([ours.response.status, native.response.status]).toEqual([401, 200]);
      expect(Buffer.from(ours.response.body).toString()).toContain(what);
    });

    test("a parameter that came twice and is forwarded", async () => {
      const request = { method: "GET", path: `/?access_token=${text}&access_token=other` };
      const [ours, native] = await both(2, request);
      expect([ours.response.status, native.response.status]).toEqual([401, 200]);
      expect(Buffer.from(ours.response.body).toString()).toBe("Found multiple Jwt tokens");
      const [taken, alsoTaken] = await both(0, request);
      expect([upstreamOf(taken, ":path"), upstreamOf(alsoTaken, ":path")]).toEqual(["/", "/"]);
    });

    test("a header of tokens that came twice", async () => {
      const headers: Header[] = [
        ["x-jwt", text],
        ["x-jwt", text],
      ];
      const [ours, native] = await both(4, { method: "GET", path: "/", headers });
      expect([ours.response.status, native.response.status]).toEqual([401, 200]);
      expect(Buffer.from(ours.response.body).toString()).toBe("Found multiple Jwt tokens");
    });
  });

  test("leaves other parameters as they were written when a token is taken out, where Envoy decodes them", async () => {
    const path = `/?a=1%26admin%3D1&access_token=${ALPHA.sign({}, ALPHA.keys[1])}`;
    const [ours, native] = await both(0, { method: "GET", path });
    expect([upstreamOf(ours, ":path"), upstreamOf(native, ":path")]).toEqual([
      "/?a=1%26admin%3D1",
      "/?a=1&admin=1",
    ]);
  });
});
