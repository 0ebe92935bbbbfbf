/**
 * One repository of a registry (OCI distribution specification 1.1), as far as pushing and looking at modules needs it. What it sends
 * and takes is checked against its digest each time.
 */
import { Authorizer } from "./authorizer.ts";
import { type Content, contentOf, type Descriptor, isDescriptor, jsonContent } from "./digest.ts";
import { credentialsFor, type Credentials } from "./docker-config.ts";
import { type Answer, asked, exchange, type Request } from "./exchange.ts";
import { isObject, type Json, jsonOf } from "./json.ts";
import { INDEX_TYPE, MANIFEST_TYPES } from "./media-types.ts";
import { apiHostOf, DIGEST, isLoopback, type Reference } from "./reference.ts";
import { refusalOf } from "./refusal.ts";
import { RegistryError } from "./registry-error.ts";
import { PATIENCE, type Patience, retrying } from "./retry.ts";

export interface RegistryOptions {
  access: "pull" | "push";
  /** Plain HTTP; left out: for registries on this machine. */
  plainHttp?: boolean | undefined;
  /** Told why a request is made again, and when. */
  note?: (text: string) => void;
  patience?: Patience;
  /** Default: those of `docker login`. */
  credentials?: (host: string) => Promise<Credentials | null>;
}

/** What refers to a manifest by its `subject`. */
export interface Referrers {
  descriptors: readonly Descriptor[];
  /**
   * Who keeps the list: the registry, or its clients under a tag (OCI distribution specification, "Referrers Tag Schema"). Nobody where the
   * registry has something else under that tag: GitLab's takes it for the digest, and so has the image itself there.
   */
  keeper: "registry" | "clients" | "nobody";
}

/** A list of referrers, of which only this is looked at (OCI image specification, "Image Index"). */
interface Index extends Json {
  manifests: unknown[];
}

/** How many pages of referrers are read. */
const MAX_PAGES = 20;

export class Repository {
  readonly name: string;
  private readonly host: string;
  private readonly base: URL;
  private readonly authorizer: Authorizer;
  private readonly patience: Patience;
  private readonly note: (text: string) => void;
  private readonly push: boolean;

  constructor({ host, repository }: Pick<Reference, "host" | "repository">, options: RegistryOptions) {
    const { plainHttp = isLoopback(host), credentials = credentialsFor } = options;
    this.host = host;
    this.name = `${host}/${repository}`;
    this.base = new URL(`${plainHttp ? "http" : "https"}://${apiHostOf(host)}/v2/${repository}/`);
    this.push = options.access === "push";
    this.authorizer = new Authorizer({
      host,
      repository,
      actions: this.push ? "pull,push" : "pull",
      credentials: () => credentials(host),
    });
    this.patience = options.patience ?? PATIENCE;
    this.note = options.note ?? (() => undefined);
  }

  /** Uploads content unless it is there. Answers whether it was uploaded. */
  async putBlob(content: Content): Promise<boolean> {
    const { digest } = content;
    // An upload that was cut cannot be taken up again: each attempt begins anew, unless the one before came through after all.
    return this.again(async () => {
      const head = await this.once({ method: "HEAD", url: this.url(`blobs/${digest}`) });
      if (head.status === 200) {
        this.agree(head, digest);
        return false;
      }
      if (head.status !== 404) throw await this.refusal("HEAD", head);
      await this.upload(content);
      return true;
    });
  }

  /** The bytes of a blob. Throws {@link RegistryError} when they are others than its descriptor says. */
  async blob({ digest, size, mediaType }: Descriptor, limit: number): Promise<Content> {
    if (size > limit) {
      throw new RegistryError(
        `${this.name}@${digest} has ${size} bytes, and more than ${limit} are not taken`,
      );
    }
    const answer = await this.again(() =>
      // What is larger than it should be is another content; a refusal may be larger too.
      this.once({ method: "GET", url: this.url(`blobs/${digest}`), limit: Math.max(size, 65536) }),
    );
    if (answer.status !== 200) throw await this.refusal("GET", answer);
    const content = contentOf(mediaType, answer.body);
    if (content.digest !== digest) throw this.alteredContent(digest, content.digest);
    return content;
  }

  /** A manifest by tag or digest; null when there is none. */
  async manifest(name: string): Promise<Content | null> {
    const answer = await this.again(() =>
      this.once({
        method: "GET",
        url: this.url(`manifests/${name}`),
        headers: { accept: MANIFEST_TYPES.join(", ") },
      }),
    );
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw await this.refusal("GET", answer);
    const content = contentOf(typeOf(answer.headers), answer.body);
    this.agree(answer, content.digest);
    if (DIGEST.test(name) && content.digest !== name) throw this.alteredContent(name, content.digest);
    return content;
  }

  /** Puts a manifest under its digest unless it is there, and answers whether it was put. All that it names must be there. */
  async putManifest(content: Content): Promise<boolean> {
    const head = await this.again(() =>
      this.once({
        method: "HEAD",
        url: this.url(`manifests/${content.digest}`),
        headers: { accept: MANIFEST_TYPES.join(", ") },
      }),
    );
    if (head.status === 200) {
      this.agree(head, content.digest);
      return false;
    }
    if (head.status !== 404) throw await this.refusal("HEAD", head);
    await this.putUnder(content.digest, content);
    return true;
  }

  /** Puts a manifest under a name: a tag or its digest. What was under a tag before is no longer. */
  async putUnder(name: string, content: Content): Promise<void> {
    const answer = await this.again(() =>
      this.once({
        method: "PUT",
        url: this.url(`manifests/${name}`),
        headers: { "content-type": content.mediaType },
        body: content.bytes,
      }),
    );
    if (answer.status !== 201 && answer.status !== 200) throw await this.refusal("PUT", answer);
    this.agree(answer, content.digest);
  }

  async referrers(digest: string): Promise<Referrers> {
    const { keeper, index } = await this.listOf(digest);
    return { keeper, descriptors: index.manifests.filter(isDescriptor) };
  }

  /** Puts a manifest with a `subject`, and has it listed there; its blobs must be there. Answers whether there was anything to do. */
  async putReferrer(subject: string, content: Content, listed: Descriptor): Promise<boolean> {
    const isNew = await this.putManifest(content);
    const { keeper, index } = await this.listOf(subject);
    if (keeper === "registry") return isNew;
    const tag = fallbackTag(subject);
    if (keeper === "nobody") {
      throw new RegistryError(
        `${this.name} keeps no list of attached files under ${tag}: --no-sbom --no-provenance`,
      );
    }
    if (index.manifests.some((one) => isObject(one) && one.digest === content.digest)) return isNew;
    // What others have listed stays as it is, also where nothing here knows what it means.
    const longer = { ...index, mediaType: INDEX_TYPE, manifests: [...index.manifests, listed] };
    await this.putUnder(tag, jsonContent(INDEX_TYPE, longer));
    return true;
  }

  /** Of a list by the registry, which may come in pages, `index` has the manifests of all. */
  private async listOf(digest: string): Promise<{ keeper: Referrers["keeper"]; index: Index }> {
    const index: Index = { schemaVersion: 2, manifests: [] };
    let url: URL | null = this.url(`referrers/${digest}`);
    for (let page = 0; url !== null; page++) {
      const next: URL = url;
      const answer = await this.again(() =>
        this.once({ method: "GET", url: next, headers: { accept: INDEX_TYPE }, follow: false }),
      );
      if (page === 0 && listsNone(answer)) {
        const kept = await this.manifest(fallbackTag(digest));
        if (kept === null) return { keeper: "clients", index };
        const isList = kept.mediaType === INDEX_TYPE && kept.digest !== digest;
        return isList ? { keeper: "clients", index: this.indexIn(kept.bytes) } : { keeper: "nobody", index };
      }
      if (answer.status !== 200) throw await this.refusal("GET", answer);
      index.manifests.push(...this.indexIn(answer.body).manifests);
      const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
      url = link === undefined || page === MAX_PAGES ? null : this.sameOrigin(link, next);
    }
    return { keeper: "registry", index };
  }

  private indexIn(bytes: Uint8Array): Index {
    const what = `the list of what refers to an image of ${this.name}`;
    let index: unknown;
    try {
      index = jsonOf(bytes);
    } catch {
      throw new RegistryError(`${what} is no JSON`);
    }
    if (!isObject(index) || !Array.isArray(index.manifests))
      throw new RegistryError(`${what} has no manifests`);
    return { ...index, manifests: index.manifests as unknown[] };
  }

  /** In one piece: a module is small (OCI distribution specification, "POST then PUT"). */
  private async upload(content: Content): Promise<void> {
    const begun = await this.once({ method: "POST", url: this.url("blobs/uploads/") });
    if (begun.status !== 202) throw await this.refusal("POST", begun);
    const location = this.uploadAddress(begun);
    const whole = new URL(location);
    whole.searchParams.set("digest", content.digest);
    try {
      const put: Request = {
        method: "PUT",
        url: whole,
        headers: { "content-type": "application/octet-stream" },
        body: content.bytes,
      };
      const answer = await this.once(put);
      if (answer.status !== 201) throw await this.refusal("PUT", answer, content);
      this.agree(answer, content.digest);
    } catch (error) {
      // The registry would keep what it has of it for days. It may not know how to forget it, or be gone.
      await this.once({ method: "DELETE", url: location }).catch(() => undefined);
      throw error;
    }
  }

  private uploadAddress(answer: Answer): URL {
    const text = answer.headers.get("location");
    if (text === null)
      throw new RegistryError(
        `${asked({ method: "POST", url: answer.url })} answers without a Location to upload to`,
      );
    const location = new URL(text, answer.url);
    if (answer.url.protocol === "https:" && location.protocol !== "https:") {
      throw new RegistryError(
        `${this.host} wants uploads at ${location.origin}, in the clear; a registry behind a proxy with TLS must be told so ` +
          "(X-Forwarded-Proto, or http.relativeurls of docker-registry)",
      );
    }
    return location;
  }

  private sameOrigin(link: string, from: URL): URL {
    const url = new URL(link, from);
    if (url.origin === from.origin) return url;
    throw new RegistryError(
      `${this.host} continues its list of referrers at ${url.origin}, which is not asked`,
    );
  }

  private url(path: string): URL {
    return new URL(path, this.base);
  }

  private again<T>(call: () => Promise<T>): Promise<T> {
    return retrying(call, this.patience, this.note);
  }

  /** One request, with a second one when the registry asks who it is from. Throws {@link RegistryError} when it does not let in. */
  private async once(request: Request): Promise<Answer> {
    // An upload may go elsewhere, where the address itself is what lets in.
    const isRegistry = request.url.origin === this.base.origin;
    const send = (): Promise<Answer> => {
      const { header } = this.authorizer;
      const authorization = isRegistry && header !== undefined ? { authorization: header } : {};
      return exchange({ ...request, headers: { ...request.headers, ...authorization } });
    };
    const answer = await send();
    if (answer.status !== 401 || !isRegistry) return answer;
    // Not yet asked for, or a token that has expired.
    await this.authorizer.answer(answer.headers.get("www-authenticate") ?? "", request.url);
    const second = await send();
    if (second.status === 401) throw await this.refusal(request.method, second);
    return second;
  }

  /** The registry tells digests of what it keeps. When it tells another, somebody on the way changes content. */
  private agree(answer: Answer, digest: string): void {
    const told = answer.headers.get("docker-content-digest");
    if (told !== null && told.startsWith("sha256:") && told !== digest)
      throw this.alteredContent(digest, told);
  }

  private alteredContent(digest: string, other: string): RegistryError {
    return new RegistryError(
      `${this.name}: ${digest} is ${other} at the registry: it, or a proxy before it, changes what it is given`,
    );
  }

  private async refusal(
    method: Request["method"],
    answer: Answer,
    content?: Content,
  ): Promise<RegistryError> {
    const known = await this.authorizer.hasCredentials();
    if (answer.status === 401 && !known) return this.authorizer.noCredentials();
    const who = await this.authorizer.describe();
    const asking = { host: this.host, name: this.name, who, action: this.push ? "push to" : "read" };
    return refusalOf(asking, method, answer, content?.bytes.length);
  }
}

/**
 * Whether a registry answers so who does not list referrers. 404 is what the specification has for that; others do not know the path, or
 * have a page for whatever they do not know (go-containerregistry takes the type for the sign as well, `pkg/v1/remote/referrers.go`).
 */
function listsNone({ status, headers }: Answer): boolean {
  if (status === 200) return typeOf(headers) !== INDEX_TYPE;
  // GitHub's sends on to its pages for people, under a path that has lost the digest, and whose limit can be used up for hours.
  if (status >= 300 && status < 400) return true;
  return [400, 404, 405, 406, 501].includes(status);
}

/** The media type, without parameters. */
function typeOf(headers: Headers): string {
  return headers.get("content-type")?.split(";")[0]?.trim() ?? "";
}

/** `sha256-<hex>`, the tag that lists what refers to a digest. */
function fallbackTag(digest: string): string {
  return digest.replace(":", "-");
}
