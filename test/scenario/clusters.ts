/** What a scenario says of the clusters that plugins call. */
import { isMap, isScalar, isSeq, stringify, type Node } from "yaml";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import {
  Code,
  responseOf,
  type DescriptorStatus,
  type HeaderValue,
  type RateLimitResponse,
} from "../../cli/ratelimit-service/messages.ts";
import { unitNamed, UNIT_NAMES } from "../../cli/ratelimit-service/units.ts";
import type { Json, UpstreamReply } from "../driver.ts";
import { encodeStruct } from "./struct.ts";
import { isJson, isNull, type YamlReader } from "./yaml-reader.ts";

export type ScenarioCluster =
  | { readonly http: UpstreamReply }
  | { readonly grpc: { readonly message: Uint8Array | null; readonly status: number } }
  /** The texts of its configuration files. */
  | { readonly rateLimitService: readonly string[] }
  | { readonly rateLimitResponse: RateLimitResponse }
  | "refuse";

/** What comes of calls instead of the answer, or with it. */
export type Fault =
  | "reset"
  | "cut"
  | "silence"
  | "garbage"
  /** A gRPC status, or one of HTTP. */
  | { readonly status: number }
  /** Milliseconds until the answer. */
  | { readonly after: number };

type Clusters = ReadonlyMap<string, ScenarioCluster>;

/** `UNAUTHENTICATED` is the last of gRPC's `statuscodes.md`. */
const LAST_GRPC_STATUS = 16;
const FAULTS = ["reset", "cut", "silence", "garbage"] as const;
const KINDS = ["rateLimitService", "rateLimitResponse", "http", "grpc"];

export class ClusterReader {
  constructor(private readonly reader: YamlReader) {}

  clusters(node: Node | null, path: string): Map<string, ScenarioCluster> {
    const clusters = new Map<string, ScenarioCluster>();
    for (const [name, value] of this.reader.fields(node, path)) {
      clusters.set(name, this.cluster(value, `${path}.${name}`));
    }
    return clusters;
  }

  faults(node: Node | null, path: string, named: Clusters): [string, Fault | null][] {
    return [...this.reader.fields(node, path)].map(([name, value]) => {
      const at = `${path}.${name}`;
      this.known(value ?? node, at, name, named);
      return [name, isNull(value) ? null : this.fault(value, at, named.get(name))];
    });
  }

  calls(node: Node | null, path: string, named: Clusters): [string, number][] {
    return [...this.reader.fields(node, path)].map(([name, value]) => {
      const at = `${path}.${name}`;
      this.known(value ?? node, at, name, named);
      return [name, this.reader.count(value, at, 0)];
    });
  }

  private known(node: Node | null, path: string, name: string, named: Clusters): void {
    if (!named.has(name)) this.reader.fail(node, path, "no cluster of the scenario has this name");
  }

  private cluster(node: Node | null, path: string): ScenarioCluster {
    const { reader } = this;
    if (isScalar(node) && node.value === "refuse") return "refuse";
    if (!isMap(node)) {
      reader.fail(node, path, `expected refuse, or one of ${KINDS.join(", ")}; got ${reader.shown(node)}`);
      return "refuse";
    }
    const [[kind, value] = ["", null], ...others] = reader.fields(node, path, KINDS);
    if (others.length > 0) reader.fail(node, path, `expected exactly one of ${KINDS.join(", ")}`);
    const at = `${path}.${kind}`;
    switch (kind) {
      case "rateLimitService":
        return { rateLimitService: this.service(value, at) };
      case "rateLimitResponse":
        return { rateLimitResponse: this.response(value, at) };
      case "http":
        return { http: this.http(value, at) };
      case "grpc":
        return { grpc: this.grpc(value, at) };
      default:
        return "refuse";
    }
  }

  private fault(node: Node | null, path: string, cluster: ScenarioCluster | undefined): Fault {
    const { reader } = this;
    const word = FAULTS.find((fault) => isScalar(node) && node.value === fault);
    if (word !== undefined) return word;
    if (!isMap(node)) {
      const expected = `${FAULTS.join(", ")}, {status: 13}, {after: 50ms} or null`;
      reader.fail(node, path, `expected ${expected}; got ${reader.shown(node)}`);
      return "reset";
    }
    const fields = reader.fields(node, path, ["status", "after"]);
    if (fields.size !== 1) reader.fail(node, path, "expected exactly one of status, after");
    const status = reader.optional(fields, "status", path, (value, at) =>
      isHttp(cluster) ? this.httpStatus(value, at) : this.within(value, at, 1, LAST_GRPC_STATUS),
    );
    const after = reader.optional(fields, "after", path, (value, at) => reader.duration(value, at));
    return status !== undefined ? { status } : { after: after ?? 0 };
  }

  private service(node: Node | null, path: string): string[] {
    const { reader } = this;
    const documents = isSeq(node) ? reader.items(node, path) : [node];
    const texts = documents.map((one) => stringify(one?.toJS(reader.document) ?? null));
    const { problems } = readConfiguration(texts.map((text, at) => ({ file: String(at), text })));
    for (const { file, path: inside, message } of problems) {
      const place = isSeq(node) ? `${path}[${file}]` : path;
      reader.fail(node, inside === "" ? place : `${place}.${inside}`, message);
    }
    return texts;
  }

  private http(node: Node | null, path: string): UpstreamReply {
    const { reader } = this;
    const fields = reader.fields(node, path, ["status", "headers", "body"]);
    const status = reader.optional(fields, "status", path, (value, at) => this.httpStatus(value, at));
    const body = reader.optional(fields, "body", path, (value, at) => reader.bytes(value, at));
    const headers = reader.optional(fields, "headers", path, (value, at) =>
      [...reader.fields(value, at)].map(([name, one]) => [name, reader.bytes(one, `${at}.${name}`)] as const),
    );
    return {
      ...(status === undefined ? {} : { status }),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body: Buffer.from(body, "latin1") }),
    };
  }

  private grpc(node: Node | null, path: string): { message: Uint8Array | null; status: number } {
    const { reader } = this;
    const fields = reader.fields(node, path, ["message", "status"]);
    const message = reader.optional(fields, "message", path, (value, at) => reader.bytes(value, at));
    const status = reader.optional(fields, "status", path, (value, at) =>
      this.within(value, at, 0, LAST_GRPC_STATUS),
    );
    return {
      message: message === undefined ? null : Buffer.from(message, "latin1"),
      status: status ?? 0,
    };
  }

  /** Node's HTTP server throws on a status of other than three digits. */
  private httpStatus(node: Node | null, path: string): number {
    return this.within(node, path, 100, 599);
  }

  private within(node: Node | null, path: string, least: number, most: number): number {
    const value = this.reader.count(node, path, least);
    if (value <= most) return value;
    this.reader.fail(node, path, `expected an integer from ${least} to ${most}, got ${value}`);
    return least;
  }

  /** A `RateLimitResponse` in the JSON form of proto3, of the fields that a caller looks at. */
  private response(node: Node | null, path: string): RateLimitResponse {
    const { reader } = this;
    const known = ["overallCode", "statuses", "responseHeadersToAdd", "requestHeadersToAdd", "rawBody"];
    const fields = reader.fields(node, path, [...known, "dynamicMetadata"]);
    const headers = (name: string): HeaderValue[] =>
      reader.optional(fields, name, path, (list, at) =>
        reader.items(list, at).map((item, i) => this.header(item, `${at}[${i}]`)),
      ) ?? [];
    const code = reader.optional(fields, "overallCode", path, (value, at) => this.code(value, at));
    const statuses = reader.optional(fields, "statuses", path, (list, at) =>
      reader.items(list, at).map((item, i) => this.status(item, `${at}[${i}]`)),
    );
    const body = reader.optional(fields, "rawBody", path, (value, at) => reader.bytes(value, at));
    const metadata = reader.optional(fields, "dynamicMetadata", path, (value, at) => {
      const json: unknown = value?.toJS(reader.document) ?? null;
      if (isMap(value) && isJson(json)) return encodeStruct(json as Record<string, Json>);
      reader.fail(value, at, `expected a mapping of what JSON has, got ${reader.shown(value)}`);
      return null;
    });
    return {
      ...responseOf(code ?? Code.Ok, statuses ?? []),
      responseHeadersToAdd: headers("responseHeadersToAdd"),
      requestHeadersToAdd: headers("requestHeadersToAdd"),
      ...(body === undefined ? {} : { rawBody: Buffer.from(body, "latin1") }),
      ...(metadata == null ? {} : { dynamicMetadata: metadata }),
    };
  }

  private header(node: Node | null, path: string): HeaderValue {
    const { reader } = this;
    const fields = reader.fields(node, path, ["key", "value"]);
    const text = (name: string): string =>
      reader.optional(fields, name, path, (value, at) => reader.plainText(value, at)) ?? "";
    return { key: text("key"), value: text("value"), rawValue: new Uint8Array(0) };
  }

  private status(node: Node | null, path: string): DescriptorStatus {
    const { reader } = this;
    const known = ["code", "currentLimit", "limitRemaining", "durationUntilReset"];
    const fields = reader.fields(node, path, known);
    const limit = reader.optional(fields, "currentLimit", path, (value, at) => {
      const inner = reader.fields(value, at, ["requestsPerUnit", "unit", "name"]);
      const unit = reader.optional(inner, "unit", at, (one, place) => this.unit(one, place));
      const requests = reader.optional(inner, "requestsPerUnit", at, (one, place) =>
        reader.count(one, place, 0),
      );
      const name = reader.optional(inner, "name", at, (one, place) => reader.plainText(one, place));
      return { requestsPerUnit: requests ?? 0, unit: unit ?? 0, name: name ?? "" };
    });
    const remaining = reader.optional(fields, "limitRemaining", path, (value, at) =>
      reader.count(value, at, 0),
    );
    const reset = reader.optional(fields, "durationUntilReset", path, (value, at) =>
      reader.duration(value, at),
    );
    return {
      code: reader.optional(fields, "code", path, (value, at) => this.code(value, at)) ?? Code.Ok,
      currentLimit: limit ?? null,
      limitRemaining: remaining ?? 0,
      durationUntilReset:
        reset === undefined
          ? null
          : { seconds: Math.floor(reset / 1000), nanos: Math.round((reset % 1000) * 1e6) },
    };
  }

  private code(node: Node | null, path: string): Code {
    const codes: Record<string, Code> = { UNKNOWN: Code.Unknown, OK: Code.Ok, OVER_LIMIT: Code.OverLimit };
    const code = isScalar(node) ? codes[String(node.value)] : undefined;
    if (code === undefined) this.reader.fail(node, path, "expected UNKNOWN, OK or OVER_LIMIT");
    return code ?? Code.Unknown;
  }

  private unit(node: Node | null, path: string): number {
    const name = isScalar(node) ? String(node.value).toLowerCase() : "";
    if ((UNIT_NAMES as readonly string[]).includes(name)) return unitNamed(name);
    this.reader.fail(node, path, `expected one of ${UNIT_NAMES.join(", ").toUpperCase()}`);
    return 0;
  }
}

function isHttp(cluster: ScenarioCluster | undefined): boolean {
  return typeof cluster === "object" && "http" in cluster;
}
