import { isSecretHeader } from "../../assembly/secrets";
import { bytes } from "./texts";

function expectAll(names: string, secret: bool): void {
  const list = names.split(" ");
  for (let at = 0; at < list.length; at++) expect(isSecretHeader(bytes(list[at]))).toBe(secret, list[at]);
}

describe("a header is secret", () => {
  it("when standards or products send credentials in it", () => {
    expectAll("authorization proxy-authorization cookie set-cookie dpop", true);
    expectAll("x-api-key api-key apikey x-apikey x-goog-api-key x-auth-key x-functions-key", true);
    expectAll(
      "x-auth-token x-access-token x-amz-security-token x-csrf-token x-xsrf-token private-token",
      true,
    );
    expectAll(
      "x-goog-iap-jwt-assertion cf-access-jwt-assertion x-amzn-oidc-data x-amzn-oidc-accesstoken",
      true,
    );
    expectAll(
      "cf-access-client-secret ocp-apim-subscription-key x-vault-token x-forwarded-access-token",
      true,
    );
    expectAll("x-session-id x-user-password x-client-credentials x-original-authorization", true);
  });

  it("in any case, and with underscores in the place of hyphens", () => {
    expectAll("Authorization X-API-Key X_API_KEY x_api-key access_token", true);
  });

  it("only when a whole segment says so", () => {
    expectAll("x-authorizations tokenizer x-tokens x-ratelimit-remaining-tokens cookies secretary", false);
    expectAll("xapikey-2 xtoken x-passwords keyapi-key-x sessions", false);
    expectAll("token-x x-token-x x-token", true);
  });

  it("not when it is a key or an id that opens nothing", () => {
    expectAll(
      "idempotency-key sec-websocket-key surrogate-key key api x-api x-api-keys x-api-version",
      false,
    );
    expectAll("x-request-id x-user-id traceparent baggage host :path :authority content-type accept", false);
    expectAll("x-forwarded-for x-forwarded-client-cert www-authenticate x-envoy-external-address", false);
  });

  it("not when it has no name, or nothing but hyphens", () => {
    expect(isSecretHeader(bytes(""))).toBe(false);
    expectAll("- -- _-_ a- -a", false);
    expectAll("-token token- --token--", true);
  });

  it("when its name is too long to be looked at", () => {
    expect(isSecretHeader(bytes("a".repeat(256)))).toBe(false);
    expect(isSecretHeader(bytes("a".repeat(257)))).toBe(true);
  });
});
