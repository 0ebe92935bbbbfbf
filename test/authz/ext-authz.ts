/** Messages of `envoy.service.auth.v3`, read and written by protobuf.js: by nothing that the filter has a part in. */
import { fileURLToPath } from "node:url";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import type { Cluster, GrpcExchange, Header } from "../driver.ts";

const file = fileURLToPath(new URL("ext-authz.proto", import.meta.url));
const { Check } = loadSync(file, { longs: Number, defaults: false })[
  "envoy.service.auth.v3.Authorization"
] as ServiceDefinition;

export interface Peer {
  address?: { socketAddress?: { address?: string; portValue?: number }; pipe?: { path?: string } };
  service?: string;
  principal?: string;
}

/** What the service is told of a request. */
export interface Attributes {
  source?: Peer;
  destination?: Peer;
  request?: {
    time?: { seconds?: number; nanos?: number };
    http?: {
      id?: string;
      method?: string;
      headers?: Record<string, string>;
      path?: string;
      host?: string;
      scheme?: string;
      size?: number;
      protocol?: string;
    };
  };
  [field: string]: unknown;
}

export interface HeaderOption {
  header: { key: Uint8Array; value: Uint8Array };
  append?: { value: boolean };
  appendAction?: number;
}

export interface DeniedResponse {
  status?: { code: number };
  headers?: readonly HeaderOption[];
  body?: string;
}

export interface OkResponse {
  headers?: readonly HeaderOption[];
  headersToRemove?: readonly string[];
  responseHeadersToAdd?: readonly HeaderOption[];
  queryParametersToSet?: readonly { key: string; value: string }[];
  queryParametersToRemove?: readonly string[];
}

export interface CheckResponse {
  status?: { code: number; message?: string };
  deniedResponse?: DeniedResponse;
  okResponse?: OkResponse;
  errorResponse?: DeniedResponse;
}

/** Throws for bytes that are no `CheckRequest`. */
export function decodeRequest(message: Uint8Array): Attributes {
  const { attributes } = Check!.requestDeserialize(Buffer.from(message)) as { attributes?: Attributes };
  return attributes ?? {};
}

export function encodeResponse(response: CheckResponse): Uint8Array {
  return Check!.responseSerialize(response);
}

/** A header whose value, and name, are byte strings. */
export function option(key: string, value: string, more: Partial<HeaderOption> = {}): HeaderOption {
  return { header: { key: Buffer.from(key, "latin1"), value: Buffer.from(value, "latin1") }, ...more };
}

export const APPEND = { append: { value: true } };
export const PERMISSION_DENIED = 7;

export function allowed(okResponse: OkResponse = {}): CheckResponse {
  return { status: { code: 0 }, okResponse };
}

export function denied(deniedResponse: DeniedResponse = {}): CheckResponse {
  return { status: { code: PERMISSION_DENIED }, deniedResponse };
}

/** What comes of a question: a response, bytes instead of one, or what is done with the exchange. */
export type Outcome = CheckResponse | Uint8Array | ((exchange: GrpcExchange) => void);

/** An authorization service over gRPC: what it answers is said by a function. */
export class GrpcAuthorizer {
  /** All questions so far, and what they came with. */
  readonly asked: Attributes[] = [];
  readonly metadata: (readonly Header[])[] = [];
  answer: (attributes: Attributes) => Outcome;

  constructor(answer: (attributes: Attributes) => Outcome = () => allowed()) {
    this.answer = answer;
  }

  readonly cluster: Cluster = {
    grpc: (exchange) => ({
      onMessage: (message) => {
        const attributes = decodeRequest(message);
        this.asked.push(attributes);
        this.metadata.push(exchange.metadata);
        const outcome = this.answer(attributes);
        if (typeof outcome === "function") {
          outcome(exchange);
          return;
        }
        exchange.send(outcome instanceof Uint8Array ? outcome : encodeResponse(outcome));
        exchange.end(0);
      },
    }),
  };
}
