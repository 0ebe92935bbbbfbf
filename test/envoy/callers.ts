/** What a client shows of itself, and what Envoy needs to believe it: certificates and tokens, made while the tests run. */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { Claims, Peer } from "../driver.ts";
import { PROXY_URI, SPACE_DELIMITED } from "../host/caller.ts";
import { CertificateAuthority, type Certificate } from "./certificate.ts";

const KEY_ID = "tests";

/** The issuer of one driver's certificates and tokens. */
export class Callers {
  readonly #authority = new CertificateAuthority("outrigger tests");
  readonly #proxy = this.#authority.issue({ commonName: "proxy", uris: [PROXY_URI] });
  readonly #peers = new Map<string, Certificate>();
  readonly #tokenKey: KeyObject;
  readonly #jwks: string;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#tokenKey = privateKey;
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: KEY_ID, alg: "ES256" };
    this.#jwks = JSON.stringify({ keys: [jwk] });
  }

  /** What a client connects with (`node:tls`). */
  credentials(peer: Peer): { ca: string; cert: string; key: string } {
    const { uris = [], dnsNames = [] } = peer;
    const names = JSON.stringify([uris, dnsNames]);
    let made = this.#peers.get(names);
    if (made === undefined) {
      made = this.#authority.issue({ commonName: "peer", uris, dnsNames });
      this.#peers.set(names, made);
    }
    return { ca: this.#authority.certificate, cert: made.certificate, key: made.key };
  }

  /** A JSON Web Token with these claims (RFC 7519), signed with ES256. */
  token(claims: Claims): string {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ alg: "ES256", kid: KEY_ID, typ: "JWT" })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(text), { key: this.#tokenKey, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  }

  /** A filter chain's transport socket: the client must have a certificate of this issuer's. */
  transportSocket(): object {
    return {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        require_client_certificate: true,
        common_tls_context: {
          tls_certificates: [
            {
              certificate_chain: { inline_string: this.#proxy.certificate },
              private_key: { inline_string: this.#proxy.key },
            },
          ],
          validation_context: { trusted_ca: { inline_string: this.#authority.certificate } },
        },
      },
    };
  }

  /** The filter that verifies tokens, as istiod makes it of a RequestAuthentication (`policy_applier.go`), but for any issuer. */
  tokenFilter(): object {
    return {
      name: "envoy.filters.http.jwt_authn",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers: {
          "origins-0": {
            local_jwks: { inline_string: this.#jwks },
            payload_in_metadata: "payload",
            normalize_payload_in_metadata: { space_delimited_claims: SPACE_DELIMITED },
          },
        },
        rules: [
          {
            match: { prefix: "/" },
            requires: {
              requires_any: { requirements: [{ provider_name: "origins-0" }, { allow_missing: {} }] },
            },
          },
        ],
        bypass_cors_preflight: true,
      },
    };
  }
}
