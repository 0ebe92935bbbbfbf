/** A token server for a real docker-registry (distribution.github.io, "Token Authentication Specification"): signs what its users may do. */
import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CertificateAuthority } from "../envoy/certificate.ts";

const SERVICE = "registry.test";
const ISSUER = "tokens.test";

export interface TokenUser {
  password: string;
  /** What is granted of what is asked for: `pull`, `push`. */
  actions: readonly string[];
}

export class TokenServer {
  private readonly authority = new CertificateAuthority("registry tokens");
  private readonly signer = this.authority.issue({ commonName: ISSUER });

  private constructor(
    private readonly server: Server,
    users: ReadonlyMap<string, TokenUser>,
  ) {
    server.on("request", ({ url, headers }, response) => {
      const scope = new URL(url!, "http://tokens").searchParams.get("scope") ?? "";
      const [name = "", password] = Buffer.from(headers.authorization?.slice("Basic ".length) ?? "", "base64")
        .toString()
        .split(":");
      const user = users.get(name);
      if (user === undefined || user.password !== password) return void response.writeHead(401).end();
      response.end(JSON.stringify({ token: this.token(name, scope, user.actions) }));
    });
  }

  static async start(users: Readonly<Record<string, TokenUser>>): Promise<TokenServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TokenServer(server, new Map(Object.entries(users)));
  }

  /** The registry's `auth`, with the file that it needs. */
  get auth(): { auth: object; files: Readonly<Record<string, string>> } {
    const realm = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/token`;
    return {
      auth: { token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: "tokens.pem" } },
      files: { "tokens.pem": this.authority.certificate },
    };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private token(subject: string, scope: string, granted: readonly string[]): string {
    const [type, name, actions = ""] = scope.split(":");
    const now = Math.floor(Date.now() / 1000);
    const access = [{ type, name, actions: actions.split(",").filter((action) => granted.includes(action)) }];
    const x5c = [new X509Certificate(this.signer.certificate).raw.toString("base64")];
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ alg: "ES256", typ: "JWT", x5c })}.${part({
      iss: ISSUER,
      sub: subject,
      aud: SERVICE,
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: randomUUID(),
      access,
    })}`;
    const key = { key: createPrivateKey(this.signer.key), dsaEncoding: "ieee-p1363" } as const;
    return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
  }
}
