/**
 * A stand-in for a Kubernetes API server on loopback: list, watch, get, create, update and delete of resources in memory, without
 * authentication, admission or schemas (https://kubernetes.io/docs/reference/using-api/api-concepts/). It is as much as istiod needs.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { freePort } from "../envoy/process.ts";
import { parseResources, type KubeObject, type ResourceType } from "./kube-resources.ts";
import { fieldSelector, labelSelector, SelectorRefused, type Selector } from "./kube-selector.ts";
import { KubeStore, ResourceRefused, type Change, type Reference } from "./kube-store.ts";

/** What a path names. */
interface Target {
  type: ResourceType;
  version: string;
  namespace?: string;
  name?: string;
}

export class KubeApi {
  readonly store = new KubeStore();
  readonly port: number;
  /** Calls that were answered with an error, for messages: `404 GET /apis/x`. */
  readonly refused: string[] = [];
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** With these definitions, as YAML. */
  static async start(definitions: string): Promise<KubeApi> {
    // A watch is one response that does not end.
    const server = createServer({ requestTimeout: 0 });
    const { port } = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    const api = new KubeApi(server, port);
    for (const definition of parseResources(definitions)) api.store.apply(definition);
    server.on("request", (request, response) => void api.#serve(request, response));
    return api;
  }

  /** A client's configuration, as a file has it. */
  get kubeconfig(): string {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "stand-in", cluster: { server: `http://127.0.0.1:${this.port}` } }],
      users: [{ name: "nobody", user: {} }],
      contexts: [{ name: "stand-in", context: { cluster: "stand-in", user: "nobody" } }],
      "current-context": "stand-in",
    });
  }

  /** `kubectl apply`, of objects or of YAML, in order. Throws `ResourceRefused`. */
  apply(...resources: readonly (KubeObject | string)[]): void {
    for (const one of resources)
      for (const object of typeof one === "string" ? parseResources(one) : [one]) this.store.apply(object);
  }

  /** `kubectl delete`. False where it is not there. */
  delete(reference: Reference): boolean {
    return this.store.delete(reference);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.#answer(request, Buffer.concat(chunks).toString(), url, response);
    } catch (error) {
      const [code, reason] =
        error instanceof Failure
          ? [error.code, error.reason]
          : error instanceof ResourceRefused
            ? [422, "Invalid"]
            : error instanceof SelectorRefused || error instanceof SyntaxError
              ? [400, "BadRequest"]
              : [500, "InternalError"];
      this.refused.push(`${code} ${request.method} ${request.url}`);
      const message = (error as Error).message;
      answerJson(response, code, {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        reason,
        code,
        message,
      });
    }
  }

  #answer({ method, headers }: IncomingMessage, body: string, url: URL, response: ServerResponse): void {
    if (url.pathname === "/version")
      return answerJson(response, 200, {
        major: "1",
        minor: "34",
        gitVersion: "v1.34.0",
        platform: "linux/amd64",
      });
    const target = this.#target(url.pathname);
    const { type, version, name, namespace } = target;
    const present = new Presentation(type, version, headers.accept ?? "");
    if (name === undefined && method === "GET") {
      const selector = selectorOf(url.searchParams, namespace);
      if (url.searchParams.get("watch") !== null)
        return this.#watch(target, selector, present, url.searchParams, response);
      return answerJson(
        response,
        200,
        present.list(this.store.list(type).filter(selector), this.store.version),
      );
    }
    if (name === undefined) {
      if (method !== "POST") throw new Failure(405, "MethodNotAllowed", `${method} on a collection`);
      const object = JSON.parse(body) as KubeObject;
      if (namespace !== undefined) object.metadata.namespace = namespace;
      if (this.store.get(type, object.metadata.name, namespace))
        throw new Failure(409, "AlreadyExists", `${type.plural} "${object.metadata.name}" already exists`);
      return answerJson(response, 201, present.object(this.store.apply(object)));
    }
    const found = this.store.get(type, name, namespace);
    if (found === undefined) throw new Failure(404, "NotFound", `${type.plural} "${name}" not found`);
    if (method === "GET") return answerJson(response, 200, present.object(found));
    if (method === "PUT") {
      const object = JSON.parse(body) as KubeObject;
      const expected = object.metadata.resourceVersion;
      if (expected !== undefined && expected !== found.metadata.resourceVersion)
        throw new Failure(409, "Conflict", `${type.plural} "${name}": the object has been modified`);
      return answerJson(response, 200, present.object(this.store.apply(object)));
    }
    if (method === "DELETE") {
      this.store.delete({ kind: type.kind, name, ...(namespace === undefined ? {} : { namespace }) });
      return answerJson(response, 200, { kind: "Status", apiVersion: "v1", status: "Success" });
    }
    throw new Failure(405, "MethodNotAllowed", `${method} is not served here`);
  }

  /** Writes each change as a line, from the version that was asked for; all that is there first, where initial events were asked for. */
  #watch(
    { type }: Target,
    selector: Selector,
    present: Presentation,
    parameters: URLSearchParams,
    response: ServerResponse,
  ): void {
    const write = (event: string, object: object): void => {
      response.write(`${JSON.stringify({ type: event, object })}\n`);
    };
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    let from = Number(parameters.get("resourceVersion") ?? 0);
    if (parameters.get("sendInitialEvents") === "true") {
      from = this.store.version;
      for (const object of this.store.list(type).filter(selector)) write("ADDED", present.object(object));
      write("BOOKMARK", present.bookmark(from));
    }
    const stop = this.store.watch(from, (change) => {
      const event = change.type === type ? eventOf(change, selector) : undefined;
      // A deletion carries the object as it was last, with the version that the deletion has made.
      if (event !== undefined) write(event[0], present.object(event[1], change.version));
    });
    response.once("close", stop);
    const seconds = Number(parameters.get("timeoutSeconds") ?? 0);
    if (seconds > 0) setTimeout(() => response.end(), seconds * 1000).unref();
  }

  #target(path: string): Target {
    const [root, ...parts] = path.split("/").filter((part) => part !== "");
    const group = root === "apis" ? parts.shift() : "";
    const version = parts.shift();
    const namespaced = parts[0] === "namespaces" && parts.length > 2;
    const namespace = namespaced ? parts.splice(0, 2)[1]! : undefined;
    const [plural, name, ...subresource] = parts;
    const type = this.store.types.find((one) => one.group === group && one.plural === plural);
    const known = (root === "api" || root === "apis") && type !== undefined && subresource.length === 0;
    if (!known || version === undefined || !type.versions.includes(version))
      throw new Failure(404, "NotFound", `${path}: the server could not find the requested resource`);
    return {
      type,
      version,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    };
  }
}

/** A call that is answered with this status. */
class Failure extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** How objects of a type are written: in the version of the path, whole or their metadata alone. */
class Presentation {
  readonly #apiVersion: string;
  readonly #metadataOnly: boolean;

  constructor(
    private readonly type: ResourceType,
    version: string,
    accept: string,
  ) {
    this.#metadataOnly = accept.includes("as=PartialObjectMetadata");
    this.#apiVersion = this.#metadataOnly
      ? "meta.k8s.io/v1"
      : type.group === ""
        ? version
        : `${type.group}/${version}`;
  }

  object(object: KubeObject, resourceVersion?: number): object {
    const metadata =
      resourceVersion === undefined
        ? object.metadata
        : { ...object.metadata, resourceVersion: String(resourceVersion) };
    return this.#metadataOnly
      ? { apiVersion: this.#apiVersion, kind: this.#kind, metadata }
      : { ...object, apiVersion: this.#apiVersion, metadata };
  }

  list(objects: readonly KubeObject[], version: number): object {
    return {
      apiVersion: this.#apiVersion,
      kind: `${this.#kind}List`,
      metadata: { resourceVersion: String(version) },
      items: objects.map((object) => this.object(object)),
    };
  }

  /** The end of the initial events (KEP-3157). */
  bookmark(version: number): object {
    const annotations = { "k8s.io/initial-events-end": "true" };
    const metadata = { resourceVersion: String(version), annotations };
    return { apiVersion: this.#apiVersion, kind: this.#kind, metadata };
  }

  get #kind(): string {
    return this.#metadataOnly ? "PartialObjectMetadata" : this.type.kind;
  }
}

/** What a watch with this selector is told of a change: an object that no longer matches is gone. */
function eventOf({ before, after }: Change, selector: Selector): [string, KubeObject] | undefined {
  const had = before !== undefined && selector(before);
  const has = after !== undefined && selector(after);
  if (has) return [had ? "MODIFIED" : "ADDED", after];
  return had ? ["DELETED", after ?? before] : undefined;
}

function selectorOf(parameters: URLSearchParams, namespace: string | undefined): Selector {
  const fields = fieldSelector(parameters.get("fieldSelector") ?? "");
  const labels = labelSelector(parameters.get("labelSelector") ?? "");
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) && fields(object) && labels(object);
}

function answerJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
