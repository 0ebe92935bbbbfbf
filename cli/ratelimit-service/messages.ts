/**
 * The messages of `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit` (Envoy's `rls.proto` and
 * `extensions/common/ratelimit/v3/ratelimit.proto`), between objects and bytes. Fields that are not here are passed over.
 */
import { fieldsOf, message, text, uint32, uint64, Writer } from "./wire.ts";

export interface RateLimitRequest {
  domain: string;
  descriptors: readonly RateLimitDescriptor[];
  /** For descriptors without one of their own; 0 counts as 1. */
  hitsAddend: number;
}

export interface RateLimitDescriptor {
  entries: readonly DescriptorEntry[];
  /** In place of the limit that the service is configured with. */
  limit: LimitOverride | null;
  /** 0 asks without counting. */
  hitsAddend: bigint | null;
}

export interface DescriptorEntry {
  key: string;
  value: string;
}

export interface LimitOverride {
  requestsPerUnit: number;
  /** One of `Unit`. */
  unit: number;
}

export interface RateLimitResponse {
  overallCode: Code;
  /** One for each descriptor of the request, in their order. */
  statuses: readonly DescriptorStatus[];
  responseHeadersToAdd: readonly HeaderValue[];
  requestHeadersToAdd: readonly HeaderValue[];
  /** The body of the reply when the overall code is over the limit; empty for the caller's own. */
  rawBody: Uint8Array;
  /** A serialized `google.protobuf.Struct`. */
  dynamicMetadata: Uint8Array | null;
}

export const Code = { Unknown: 0, Ok: 1, OverLimit: 2 } as const;
export type Code = (typeof Code)[keyof typeof Code];

export interface DescriptorStatus {
  code: Code;
  /** Null where no limit was found, and for an unlimited one. */
  currentLimit: CurrentLimit | null;
  /** 0 also where no limit was found; 2^32 - 1 for an unlimited one. */
  limitRemaining: number;
  durationUntilReset: Duration | null;
}

export interface CurrentLimit extends LimitOverride {
  /** Empty when it has none. */
  name: string;
}

/** `google.protobuf.Duration`. */
export interface Duration {
  seconds: number;
  nanos: number;
}

export interface HeaderValue {
  key: string;
  value: string;
  /** In place of `value` where it is no text. */
  rawValue: Uint8Array;
}

/** A response without statuses and with nothing to add. */
export function responseOf(overallCode: Code, statuses: readonly DescriptorStatus[] = []): RateLimitResponse {
  return {
    overallCode,
    statuses,
    responseHeadersToAdd: [],
    requestHeadersToAdd: [],
    rawBody: new Uint8Array(),
    dynamicMetadata: null,
  };
}

/** Throws {@link WireError}. */
export function decodeRequest(bytes: Uint8Array): RateLimitRequest {
  const descriptors: RateLimitDescriptor[] = [];
  const request = { domain: "", descriptors, hitsAddend: 0 };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) request.domain = text(value);
    if (field === 2) descriptors.push(decodeDescriptor(message(value)));
    if (field === 3) request.hitsAddend = uint32(value);
  }
  return request;
}

function decodeDescriptor(bytes: Uint8Array): RateLimitDescriptor {
  const entries: DescriptorEntry[] = [];
  let limit: LimitOverride | null = null;
  let hitsAddend: bigint | null = null;
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) entries.push(decodeEntry(message(value)));
    if (field === 2) limit = decodeOverride(message(value));
    if (field === 3) hitsAddend = decodeUInt64Value(message(value));
  }
  return { entries, limit, hitsAddend };
}

function decodeEntry(bytes: Uint8Array): DescriptorEntry {
  const entry = { key: "", value: "" };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) entry.key = text(value);
    if (field === 2) entry.value = text(value);
  }
  return entry;
}

function decodeOverride(bytes: Uint8Array): LimitOverride {
  const limit = { requestsPerUnit: 0, unit: 0 };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) limit.requestsPerUnit = uint32(value);
    if (field === 2) limit.unit = uint32(value);
  }
  return limit;
}

function decodeLimit(bytes: Uint8Array): CurrentLimit {
  const limit = { requestsPerUnit: 0, unit: 0, name: "" };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) limit.requestsPerUnit = uint32(value);
    if (field === 2) limit.unit = uint32(value);
    if (field === 3) limit.name = text(value);
  }
  return limit;
}

function decodeUInt64Value(bytes: Uint8Array): bigint {
  let number = 0n;
  for (const [field, value] of fieldsOf(bytes)) if (field === 1) number = uint64(value);
  return number;
}

export function encodeRequest({ domain, descriptors, hitsAddend }: RateLimitRequest): Uint8Array {
  const writer = new Writer().text(1, domain);
  for (const descriptor of descriptors) writer.message(2, encodeDescriptor(descriptor));
  return writer.number(3, hitsAddend).finish();
}

function encodeDescriptor({ entries, limit, hitsAddend }: RateLimitDescriptor): Uint8Array {
  const writer = new Writer();
  for (const { key, value } of entries) writer.message(1, new Writer().text(1, key).text(2, value).finish());
  return writer
    .message(2, limit === null ? null : encodeLimit({ ...limit, name: "" }))
    .message(3, hitsAddend === null ? null : new Writer().number(1, hitsAddend).finish())
    .finish();
}

function encodeLimit({ requestsPerUnit, unit, name }: CurrentLimit): Uint8Array {
  return new Writer().number(1, requestsPerUnit).number(2, unit).text(3, name).finish();
}

export function encodeResponse(response: RateLimitResponse): Uint8Array {
  const writer = new Writer().number(1, response.overallCode);
  for (const status of response.statuses) writer.message(2, encodeStatus(status));
  for (const header of response.responseHeadersToAdd) writer.message(3, encodeHeader(header));
  for (const header of response.requestHeadersToAdd) writer.message(4, encodeHeader(header));
  return writer
    .message(5, response.rawBody.length === 0 ? null : response.rawBody)
    .message(6, response.dynamicMetadata)
    .finish();
}

function encodeStatus(status: DescriptorStatus): Uint8Array {
  const { currentLimit, durationUntilReset } = status;
  return new Writer()
    .number(1, status.code)
    .message(2, currentLimit === null ? null : encodeLimit(currentLimit))
    .number(3, status.limitRemaining)
    .message(4, durationUntilReset === null ? null : encodeDuration(durationUntilReset))
    .finish();
}

function encodeDuration({ seconds, nanos }: Duration): Uint8Array {
  return new Writer().number(1, seconds).number(2, nanos).finish();
}

function encodeHeader({ key, value, rawValue }: HeaderValue): Uint8Array {
  return new Writer()
    .text(1, key)
    .text(2, value)
    .message(3, rawValue.length === 0 ? null : rawValue)
    .finish();
}

/** Throws {@link WireError}. */
export function decodeResponse(bytes: Uint8Array): RateLimitResponse {
  const statuses: DescriptorStatus[] = [];
  const responseHeadersToAdd: HeaderValue[] = [];
  const requestHeadersToAdd: HeaderValue[] = [];
  const response = { ...responseOf(Code.Unknown, statuses), responseHeadersToAdd, requestHeadersToAdd };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) response.overallCode = codeOf(uint32(value));
    if (field === 2) statuses.push(decodeStatus(message(value)));
    if (field === 3) responseHeadersToAdd.push(decodeHeader(message(value)));
    if (field === 4) requestHeadersToAdd.push(decodeHeader(message(value)));
    if (field === 5) response.rawBody = message(value);
    if (field === 6) response.dynamicMetadata = message(value);
  }
  return response;
}

function decodeStatus(bytes: Uint8Array): DescriptorStatus {
  const status: DescriptorStatus = {
    code: Code.Unknown,
    currentLimit: null,
    limitRemaining: 0,
    durationUntilReset: null,
  };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) status.code = codeOf(uint32(value));
    if (field === 2) status.currentLimit = decodeLimit(message(value));
    if (field === 3) status.limitRemaining = uint32(value);
    if (field === 4) status.durationUntilReset = decodeDuration(message(value));
  }
  return status;
}

function decodeDuration(bytes: Uint8Array): Duration {
  const duration = { seconds: 0, nanos: 0 };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) duration.seconds = Number(BigInt.asIntN(64, uint64(value)));
    if (field === 2) duration.nanos = Number(BigInt.asIntN(32, uint64(value)));
  }
  return duration;
}

function decodeHeader(bytes: Uint8Array): HeaderValue {
  const header = { key: "", value: "", rawValue: new Uint8Array() };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) header.key = text(value);
    if (field === 2) header.value = text(value);
    if (field === 3) header.rawValue = new Uint8Array(message(value));
  }
  return header;
}

/** Codes of a later version count as unknown. */
function codeOf(number: number): Code {
  return number === Code.Ok || number === Code.OverLimit ? number : Code.Unknown;
}
