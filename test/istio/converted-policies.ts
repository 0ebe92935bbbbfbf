/** AuthorizationPolicies and RequestAuthentications for productpage's sidecar and the gateway, callers with certificates of the mesh or in plain text, and what they ask. */
import type { ConnectionOptions } from "node:tls";
import { withTokens } from "../authz/shown-tokens.ts";
import { atPort, generateCase, type Caller, type GeneratedRequest } from "../authz/generate.ts";
import { Random } from "../authz/random.ts";
import type { TokenIssuer } from "../authz/tokens.ts";
import type { Header, HttpRequest } from "../driver.ts";
import type { CertificateAuthority } from "../envoy/certificate.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { CLAIMS } from "./converted-routes.ts";
import { manifests } from "./reference-mesh.ts";

const LABELS = { app: "productpage" };
const REQUESTS = 40;
const PORT = 9080;

export interface Decided {
  name: string;
  on: "gateway" | "inbound";
  resources: KubeObject[];
  calls: Call[];
  /** A path that is denied while these are in force. */
  probe: string;
}

export interface Call {
  from: string;
  /** Absent in plain text. */
  tls?: ConnectionOptions;
  requests: HttpRequest[];
}

export class Policies {
  constructor(
    private readonly authority: CertificateAuthority,
    private readonly tokens: TokenIssuer,
  ) {}

  /** Of `istio/mesh/authorization`. */
  reference(): Decided {
    const gateway = "spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account";
    const uris = [gateway, gateway.replace("ingress", "egress"), null];
    const requests = ["GET", "HEAD", "POST", "DELETE"].flatMap((method) =>
      ["/productpage", "/admin", "/probe"].map((path) => ({ method, path, authority: "productpage:9080" })),
    );
    return this.#decided("reference", manifests("authorization", "policies.yaml"), [
      ...uris.map((uri) => ({
        ...this.#caller(uri === null ? null : { uris: [uri], dnsNames: [] }),
        requests,
      })),
    ]);
  }

  /** As docs/convert.md has them. */
  documented(): Decided {
    const token = (text: string): Header[] => [["authorization", `Bearer ${text}`]];
    const claims = { ...CLAIMS, exp: Math.floor(Date.now() / 1000) + 600 };
    const headers: Header[][] = [
      [],
      token(this.tokens.token(claims)),
      token(this.tokens.token({ ...claims, iss: "https://other.test" })),
      token(this.tokens.token({ ...claims, exp: 1 })),
      token(this.tokens.forged(claims)),
    ];
    const requests = ["GET", "POST"].flatMap((method) =>
      ["/reviews/1", "/reviews"].flatMap((path) =>
        headers.map((all) => ({ method, path, authority: "productpage:9080", headers: all })),
      ),
    );
    const rules = [
      {
        from: [{ source: { requestPrincipals: [`${CLAIMS.iss}/*`] } }],
        to: [{ operation: { methods: ["GET"], paths: ["/reviews/*"] } }],
      },
    ];
    return this.#decided(
      "documented",
      [
        resource("RequestAuthentication", "tokens", {
          jwtRules: [{ issuer: CLAIMS.iss, jwks: this.tokens.jwks }],
        }),
        resource("AuthorizationPolicy", "viewers", { action: "ALLOW", rules }),
      ],
      [{ ...this.#caller(null), requests }],
    );
  }

  /** Of the root namespace, of the namespace and of the workload: three plugins. */
  layered(): Decided {
    const all = { selector: undefined };
    const deny = (operation: object): object => ({
      ...all,
      action: "DENY",
      rules: [{ to: [{ operation }] }],
    });
    const requests = ["GET", "PUT", "DELETE"].flatMap((method) =>
      ["/", "/root", "/a/root"].map((path) => ({ method, path, authority: "productpage:9080" })),
    );
    return this.#decided(
      "layered",
      [
        resource("AuthorizationPolicy", "root", deny({ paths: ["*/root"] }), { namespace: "istio-system" }),
        resource("AuthorizationPolicy", "namespace", deny({ methods: ["DELETE"] })),
        resource("AuthorizationPolicy", "workload", {
          action: "ALLOW",
          rules: [{ to: [{ operation: { methods: ["GET", "DELETE"] } }] }],
        }),
      ],
      [{ ...this.#caller(null), requests }],
    );
  }

  /** What a gateway has: hosts, addresses of clients, tokens. Without a route of its own it answers 404 to who may pass. */
  ofGateway(): Decided {
    const token: Header = ["authorization", `Bearer ${this.tokens.token(CLAIMS)}`];
    const forged: Header = ["authorization", `Bearer ${this.tokens.forged(CLAIMS)}`];
    const operations = [
      { hosts: ["a.example", "a.example:*"], paths: ["/open/*"] },
      { hosts: ["*.b.example"], methods: ["GET"] },
    ];
    const rules = [
      { to: operations.map((operation) => ({ operation })) },
      { from: [{ source: { requestPrincipals: [`${CLAIMS.iss}/${CLAIMS.sub}`] } }] },
    ];
    const blocks = [
      { source: { remoteIpBlocks: ["127.0.3.0/24"] } },
      { source: { ipBlocks: ["127.0.4.0/24"] } },
    ];
    const requests = ["a.example", "A.example:8080", "x.b.example", "b.example"].flatMap((authority) =>
      ["/open/1", "/"].flatMap((path) =>
        [[], [token], [forged]].map((headers): HttpRequest => ({ method: "GET", path, authority, headers })),
      ),
    );
    return this.#decided(
      "gateway",
      [
        resource("RequestAuthentication", "tokens", {
          jwtRules: [{ issuer: CLAIMS.iss, jwks: this.tokens.jwks }],
        }),
        resource("AuthorizationPolicy", "clients", { action: "ALLOW", rules }),
        resource("AuthorizationPolicy", "strangers", { action: "DENY", rules: [{ from: blocks }] }),
      ].map(atGateway),
      ["127.0.0.1", "127.0.3.1", "127.0.4.1"].map((from) => ({ from, requests })),
      "gateway",
    );
  }

  generated(seed: number, number: number): Decided {
    const made = generateCase(Random.of(seed, number), {
      requests: REQUESTS,
      jwks: this.tokens.jwks,
      severalNames: false,
    });
    const { policies, requestAuthentication } = atPort(made.set, PORT);
    const tokens =
      requestAuthentication === undefined
        ? []
        : [resource("RequestAuthentication", "tokens", requestAuthentication)];
    return this.#decided(
      `generated-${number}`,
      [
        ...tokens,
        ...policies.map(({ name, annotations, spec }) =>
          resource("AuthorizationPolicy", name, spec, annotations === undefined ? {} : { annotations }),
        ),
      ],
      made.callers.map((caller, at) => ({
        ...this.#caller(inMesh(caller), caller),
        requests: made.requests.filter((one) => one.caller === at).map((one) => this.#request(one)),
      })),
    );
  }

  /** With what shows that they are in force, for whoever asks. */
  #decided(name: string, resources: KubeObject[], calls: Call[], on: Decided["on"] = "inbound"): Decided {
    const probe = `/in-force/${name}`;
    const rules = [{ to: [{ operation: { paths: [probe] } }] }];
    const policy = resource("AuthorizationPolicy", "in-force", { action: "DENY", rules });
    return {
      name,
      on,
      resources: [...resources, on === "gateway" ? atGateway(policy) : policy],
      calls,
      probe,
    };
  }

  #caller(
    certificate: Caller["certificate"],
    { serverName = "", directAddress = "127.0.0.1" } = {},
  ): Omit<Call, "requests"> {
    if (certificate === null) return { from: directAddress };
    const { certificate: cert, key } = this.authority.issue({ commonName: "peer", ...certificate });
    return {
      from: directAddress,
      tls: {
        ca: this.authority.certificate,
        cert,
        key,
        servername: serverName,
        // By this a sidecar knows mTLS of the mesh from other TLS (`filterchain_options.go`).
        ALPNProtocols: ["istio-http/1.1"],
      },
    };
  }

  #request({ method, authority, ...rest }: GeneratedRequest): HttpRequest {
    return { method, authority, ...withTokens(rest, (token) => this.tokens.textOf(token)) };
  }
}

/** Sidecars take certificates of the mesh's trust domain alone. */
function inMesh({ certificate }: Caller): Caller["certificate"] {
  const uri = certificate?.uris[0]?.replace(/^spiffe:\/\/[^/]+\//, "spiffe://cluster.local/");
  if (!uri?.startsWith("spiffe://cluster.local/")) return null;
  return { uris: [uri], dnsNames: certificate!.dnsNames };
}

function atGateway(one: KubeObject): KubeObject {
  return {
    ...one,
    metadata: { ...one.metadata, namespace: "istio-system" },
    spec: { ...(one.spec as object), selector: { matchLabels: { istio: "ingressgateway" } } },
  };
}

function resource(kind: string, name: string, spec: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: "security.istio.io/v1",
    kind,
    metadata: { name, namespace: "my-app", ...metadata },
    spec: { selector: { matchLabels: LABELS }, ...spec },
  };
}
