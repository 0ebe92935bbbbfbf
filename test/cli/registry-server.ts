/**
 * An OCI registry in memory, as strict as a real one about digests and what manifests name, which can fail on demand: for what no real
 * one does when it is asked to. What a registry does that is well is tested on a real one (`push.e2e.test.ts`).
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Asked {
  method: string;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
}

/** What to do instead of an answer: cut the connection at once, or after so many bytes of the body, at its end at the latest; or another answer. */
export type Fault =
  "cut" | { cutAfter: number } | { status: number; body?: string | Buffer; headers?: Record<string, string> };

export interface TokenRules {
  /** `name:password` of who gets tokens for what is asked; anybody when it is left out. */
  user?: string;
  /** What may be exchanged for a token. */
  refreshToken?: string;
  /** What tokens allow, whatever is asked: `pull`. */
  grants?: string;
  /** Tokens are good for that many requests; default for ever. */
  uses?: number;
  /** Whether they come as `access_token`, with an empty `token` beside. */
  leavesTokenEmpty?: boolean;
  /** Another place for tokens than here. */
  realm?: string;
}

interface Stored {
  type: string;
  bytes: Buffer;
}

export class RegistryServer {
  readonly blobs = new Map<string, Buffer>();
  /** By repository and digest: `authz@sha256:..`. */
  readonly manifests = new Map<string, Stored>();
  /** From repository and tag, `authz:1.0`, to a digest. */
  readonly tags = new Map<string, string>();
  /** Uploads that have been begun and neither finished nor given up. */
  readonly uploads = new Set<string>();
  /** All that was asked: `PUT /v2/authz/manifests/1.0`. */
  readonly requests: string[] = [];
  /** Whether it lists referrers itself (OCI distribution specification 1.1). */
  listsReferrers = true;
  /** Whether `sha256-<hex>` is another spelling of a digest there, and no tag, as for GitLab. */
  takesTagsForDigests = false;
  /** `name:password` for HTTP basic authentication. */
  basic: string | undefined;
  tokens: TokenRules | undefined;
  /** Asked before each request. */
  fault: (asked: Asked) => Fault | undefined = () => undefined;
  /** The digest that is told instead of the right one, for paths that match. */
  lie: { path: RegExp; digest: string } | undefined;

  private readonly given = new Map<string, { scope: string; uses: number }>();
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on("request", (request, response) => void this.serve(request, response));
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
  }

  static async start(server: Server = createServer()): Promise<RegistryServer> {
    const registry = new RegistryServer(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  /** `127.0.0.1:12345`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The requests that change something. */
  get writes(): string[] {
    return this.requests.filter((request) => /^(?:POST|PUT|PATCH|DELETE) /.test(request));
  }

  /** A manifest by tag or digest, as JSON. */
  manifest(repository: string, name: string): Record<string, unknown> {
    const digest = this.tags.get(`${repository}:${name}`) ?? name;
    return JSON.parse(this.manifests.get(`${repository}@${digest}`)!.bytes.toString()) as Record<
      string,
      unknown
    >;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://registry");
    const { method = "" } = request;
    const asked = {
      method,
      path: url.pathname,
      query: url.searchParams,
      authorization: request.headers.authorization,
    };
    this.requests.push(`${method} ${url.pathname}`);
    const fault = this.fault(asked);
    if (fault === "cut") return void request.socket.destroy();
    if (fault !== undefined && "cutAfter" in fault) {
      let length = 0;
      request.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length >= fault.cutAfter) request.socket.destroy();
      });
      request.on("end", () => request.socket.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const answer = (
      status: number,
      headers: Record<string, string> = {},
      text: string | Buffer = "",
    ): void => {
      const length = method === "HEAD" ? {} : { "content-length": String(Buffer.byteLength(text)) };
      response.writeHead(status, { ...length, ...headers }).end(method === "HEAD" ? undefined : text);
    };
    if (fault !== undefined) return answer(fault.status, fault.headers, fault.body);
    if (url.pathname === "/token") return this.giveToken(asked, body, answer);
    const denied = this.denied(asked);
    if (denied !== null)
      return answer(401, { "www-authenticate": denied }, errors("UNAUTHORIZED", "authentication required"));
    this.route(asked, body, request.headers["content-type"] ?? "", answer);
  }

  private route(asked: Asked, body: Buffer, type: string, answer: Answering): void {
    const { method, path, query } = asked;
    const told = (digest: string): Record<string, string> => ({
      "docker-content-digest": this.lie?.path.test(path) ? this.lie.digest : digest,
    });
    // By which others find out whether it is a registry.
    if (path === "/v2/") return answer(200);
    const parts = /^\/v2\/(.+)\/(blobs|blobs\/uploads|manifests|referrers)\/([^/]*)$/.exec(path);
    if (parts === null) return answer(404, {}, "404 page not found");
    const [, repository = "", kind, spelt = ""] = parts;
    const name = this.takesTagsForDigests ? spelt.replace(/^sha256-/, "sha256:") : spelt;
    if (kind === "blobs/uploads" && method === "POST") {
      const id = randomUUID();
      this.uploads.add(id);
      return answer(202, { location: `/v2/${repository}/blobs/uploads/${id}?_state=abc` });
    }
    if (kind === "blobs/uploads" && method === "DELETE") return answer(this.uploads.delete(name) ? 204 : 404);
    if (kind === "blobs/uploads" && method === "PUT") {
      if (!this.uploads.has(name)) return answer(404, {}, errors("BLOB_UPLOAD_UNKNOWN", "no such upload"));
      const digest = query.get("digest") ?? "";
      if (sha256(body) !== digest) return answer(400, {}, errors("DIGEST_INVALID", "the content is another"));
      this.uploads.delete(name);
      this.blobs.set(digest, body);
      return answer(201, told(digest));
    }
    if (kind === "blobs") {
      const blob = this.blobs.get(name);
      if (blob === undefined) return answer(404, {}, errors("BLOB_UNKNOWN", "no such blob"));
      return answer(200, told(name), blob);
    }
    if (kind === "referrers") {
      if (!this.listsReferrers) return answer(404, {}, "404 page not found");
      return answer(
        200,
        { "content-type": "application/vnd.oci.image.index.v1+json" },
        this.referrers(repository, name),
      );
    }
    if (kind === "manifests" && method === "PUT")
      return this.putManifest(repository, name, { type, bytes: body }, told, answer);
    if (kind === "manifests") {
      const digest = name.startsWith("sha256:") ? name : this.tags.get(`${repository}:${name}`);
      const stored = this.manifests.get(`${repository}@${digest}`);
      if (stored === undefined) return answer(404, {}, errors("MANIFEST_UNKNOWN", "no such manifest"));
      return answer(200, { ...told(digest!), "content-type": stored.type }, stored.bytes);
    }
    answer(405);
  }

  private putManifest(
    repository: string,
    name: string,
    stored: Stored,
    told: (digest: string) => Record<string, string>,
    answer: Answering,
  ): void {
    const digest = sha256(stored.bytes);
    if (name.startsWith("sha256:") && name !== digest)
      return answer(400, {}, errors("DIGEST_INVALID", "the content is another"));
    const manifest = JSON.parse(stored.bytes.toString()) as {
      config?: { digest: string };
      layers?: { digest: string }[];
      manifests?: { digest: string }[];
    };
    const blobs = [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])];
    const known =
      blobs.every((blob) => this.blobs.has(blob.digest)) &&
      (manifest.manifests ?? []).every((one) => this.manifests.has(`${repository}@${one.digest}`));
    if (!known) return answer(400, {}, errors("MANIFEST_BLOB_UNKNOWN", "it names what is not here"));
    this.manifests.set(`${repository}@${digest}`, stored);
    if (!name.startsWith("sha256:")) this.tags.set(`${repository}:${name}`, digest);
    answer(201, told(digest));
  }

  private referrers(repository: string, subject: string): string {
    const manifests = [...this.manifests].flatMap(([key, { type, bytes }]) => {
      const [from, digest] = key.split("@");
      const manifest = JSON.parse(bytes.toString()) as {
        subject?: { digest: string };
        artifactType?: string;
        annotations?: object;
      };
      if (from !== repository || manifest.subject?.digest !== subject) return [];
      const { artifactType, annotations } = manifest;
      return [{ mediaType: type, digest, size: bytes.length, artifactType, annotations }];
    });
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests,
    });
  }

  /** The challenge; null for who is let in. */
  private denied({ method, path, authorization = "" }: Asked): string | null {
    if (this.basic !== undefined) {
      return authorization === basicOf(this.basic) ? null : 'Basic realm="a registry, for tests"';
    }
    if (this.tokens === undefined) return null;
    const repository = /^\/v2\/(.+)\/(?:blobs|manifests|referrers)\//.exec(path)?.[1] ?? "";
    const action = method === "GET" || method === "HEAD" ? "pull" : "push";
    const realm = this.tokens.realm ?? `http://${this.host}/token`;
    const challenge = `Bearer realm="${realm}",service="registry.test",scope="repository:${repository}:${action}"`;
    const token = this.given.get(authorization.replace(/^Bearer /, ""));
    if (token === undefined || token.uses-- <= 0) return challenge;
    const [, name, actions = ""] = token.scope.split(":");
    return name === repository && actions.split(",").includes(action)
      ? null
      : `${challenge},error="insufficient_scope"`;
  }

  private giveToken({ method, query, authorization }: Asked, body: Buffer, answer: Answering): void {
    const { user, refreshToken, grants, leavesTokenEmpty = false, uses = Infinity } = this.tokens ?? {};
    const form = new URLSearchParams(body.toString());
    const parameters = method === "POST" ? form : query;
    const known =
      method === "POST"
        ? form.get("grant_type") === "refresh_token" && form.get("refresh_token") === refreshToken
        : user === undefined || authorization === basicOf(user);
    if (!known) return answer(401, {}, JSON.stringify({ details: "incorrect username or password" }));
    if (parameters.get("service") !== "registry.test") return answer(400);
    const asked = parameters.get("scope") ?? "";
    const token = randomUUID();
    this.given.set(token, { scope: grants === undefined ? asked : asked.replace(/[^:]*$/, grants), uses });
    answer(
      200,
      { "content-type": "application/json" },
      JSON.stringify(
        leavesTokenEmpty
          ? { token: "", access_token: token }
          : method === "POST"
            ? { access_token: token }
            : { token },
      ),
    );
  }
}

type Answering = (status: number, headers?: Record<string, string>, text?: string | Buffer) => void;

function basicOf(user: string): string {
  return `Basic ${Buffer.from(user).toString("base64")}`;
}

function errors(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
