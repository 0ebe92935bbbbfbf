import { arenaAllocate, lowerCase } from "../../assembly/bytes/arena";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, byteAt, Bytes, lengthOf, literal, slice } from "../../assembly/bytes/bytes";
import { ProtobufReader, Wire } from "../../assembly/bytes/protobuf";
import { isHeaderValue } from "../../assembly/configured-reply";

/** `RateLimitResponse.Code`. */
export const OK: u32 = 1;
export const OVER_LIMIT: u32 = 2;

/** As many statuses, and so descriptors of a request, are looked at. */
export const MOST_DESCRIPTORS: u32 = 64;
/** Headers that are taken, and their bytes, each way. */
const MOST_HEADERS: u32 = 32;
const MOST_HEADER_BYTES: u32 = 8192;
const LONGEST_BODY: u32 = 65536;

/** `RateLimitResponse.DescriptorStatus`. */
@unmanaged
export class DescriptorStatus {
  code: u32;
  /** Requests a unit; 0 when the service knows no limit for the descriptor. */
  limit: u32;
  /** The unit in seconds; 0 when it is unknown. */
  window: u32;
  remaining: u32;
  /** Whole seconds until the limit is reset, 0 when it is not told. */
  reset: u32;
}

/** Headers that the service wants to see added, as views into its message. */
@final
export class AddedHeaders {
  private start: usize = 0;
  count: u32 = 0;
  /** Bytes of all names and values. */
  size: u32 = 0;

  begin(): void {
    this.count = 0;
    this.size = 0;
  }

  /** False when the header is not to be taken. */
  add(name: Bytes, value: Bytes, reserved: ByteMap): bool {
    const size = lengthOf(name) + lengthOf(value);
    if (this.count == MOST_HEADERS || this.size + size > MOST_HEADER_BYTES) return false;
    if (!isAddable(name, reserved) || !isHeaderValue(value)) return false;
    if (this.count == 0) this.start = arenaAllocate(MOST_HEADERS * 16);
    const pair = this.start + ((<usize>this.count) << 4);
    store<Bytes>(pair, name);
    store<Bytes>(pair, value, 8);
    this.count++;
    this.size += size;
    return true;
  }

  name(at: u32): Bytes {
    return load<Bytes>(this.start + ((<usize>at) << 4));
  }

  value(at: u32): Bytes {
    return load<Bytes>(this.start + ((<usize>at) << 4), 8);
  }
}

/**
 * The answer of `ShouldRateLimit` (`envoy/service/ratelimit/v3/rls.proto`). It comes from another process: what is too much of it is
 * left out or makes it unusable, and nothing is kept of it.
 */
@final
export class RateLimitResponse {
  private readonly outer: ProtobufReader = new ProtobufReader();
  private readonly middle: ProtobufReader = new ProtobufReader();
  private readonly inner: ProtobufReader = new ProtobufReader();
  private readonly reserved: ByteMap = setOf(RESERVED);
  private statuses: usize = 0;
  overall: u32 = 0;
  /** How many statuses there are. */
  count: u32 = 0;
  readonly toResponse: AddedHeaders = new AddedHeaders();
  readonly toRequest: AddedHeaders = new AddedHeaders();
  /** Headers that were not taken. */
  dropped: u32 = 0;
  /** {@link ABSENT} when there is none, or it is too long. */
  body: Bytes = ABSENT;
  /** A serialized `google.protobuf.Struct`, or {@link ABSENT}. */
  metadata: Bytes = ABSENT;

  /** Reads a message. False when it is broken, or has more statuses than anybody asked for. */
  read(message: Bytes): bool {
    this.statuses = arenaAllocate(MOST_DESCRIPTORS * offsetof<DescriptorStatus>());
    this.overall = 0;
    this.count = 0;
    this.dropped = 0;
    this.toResponse.begin();
    this.toRequest.begin();
    this.body = ABSENT;
    this.metadata = ABSENT;
    const reader = this.outer;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1 && reader.wire == Wire.Varint) this.overall = <u32>reader.number;
      if (reader.wire != Wire.Bytes) continue;
      switch (reader.field) {
        case 2:
          if (this.count == MOST_DESCRIPTORS || !this.readStatus(reader.bytes)) return false;
          break;
        case 3:
          if (!this.readHeader(reader.bytes, this.toResponse)) return false;
          break;
        case 4:
          if (!this.readHeader(reader.bytes, this.toRequest)) return false;
          break;
        case 5:
          this.body = lengthOf(reader.bytes) > LONGEST_BODY ? ABSENT : reader.bytes;
          break;
        case 6:
          this.metadata = reader.bytes;
          break;
        default:
      }
    }
    return !reader.broken;
  }

  status(at: u32): DescriptorStatus {
    return changetype<DescriptorStatus>(this.statuses + <usize>at * offsetof<DescriptorStatus>());
  }

  private readStatus(message: Bytes): bool {
    const status = this.status(this.count++);
    memory.fill(changetype<usize>(status), 0, offsetof<DescriptorStatus>());
    const reader = this.middle;
    reader.begin(message);
    while (reader.next()) {
      const value = reader.number;
      switch (reader.field) {
        case 1:
          status.code = <u32>value;
          break;
        case 2:
          if (!this.readLimit(reader.bytes, status)) return false;
          break;
        case 3:
          status.remaining = <u32>value;
          break;
        case 4:
          if (!this.readDuration(reader.bytes, status)) return false;
          break;
        default:
      }
    }
    return !reader.broken;
  }

  private readLimit(message: Bytes, status: DescriptorStatus): bool {
    const reader = this.inner;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1) status.limit = <u32>reader.number;
      else if (reader.field == 2) status.window = secondsOf(reader.number);
    }
    return !reader.broken;
  }

  private readDuration(message: Bytes, status: DescriptorStatus): bool {
    const reader = this.inner;
    reader.begin(message);
    while (reader.next()) {
      // A negative one is a very large unsigned one.
      if (reader.field == 1) status.reset = reader.number > LONGEST_RESET ? 0 : <u32>reader.number;
    }
    return !reader.broken;
  }

  /** Reads a `HeaderValue`, and takes it or counts it as dropped. False when it is broken. */
  private readHeader(message: Bytes, headers: AddedHeaders): bool {
    const reader = this.middle;
    let name = ABSENT;
    let value = ABSENT;
    let raw = ABSENT;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1) name = reader.bytes;
      else if (reader.field == 2) value = reader.bytes;
      else if (reader.field == 3) raw = reader.bytes;
    }
    if (reader.broken) return false;
    if (!headers.add(name, lengthOf(value) > 0 ? value : raw, this.reserved)) this.dropped++;
    return true;
  }
}

/** No limit of a service is reset later: a leap year, in seconds. */
const LONGEST_RESET: u64 = 366 * 86400;

/** The seconds of a `RateLimitResponse.RateLimit.Unit`, as Envoy counts them (`ratelimit_headers.cc`); 0 for one that is unknown. */
function secondsOf(unit: u64): u32 {
  switch (<u32>min<u64>(unit, 8)) {
    case 1:
      return 1;
    case 2:
      return 60;
    case 3:
      return 3600;
    case 4:
      return 86400;
    case 5:
      return 2592000;
    case 6:
      return 31536000;
    case 7:
      return 604800;
    default:
      return 0;
  }
}

/** Names that say how a message is to be read, or that the filter writes itself. */
const RESERVED =
  "host content-length transfer-encoding connection te trailer upgrade keep-alive retry-after grpc-status grpc-message";

/** Whether a header of this name may be added: a token of RFC 9110 §5.6.2 without its rarer marks, and none of `reserved`. */
function isAddable(name: Bytes, reserved: ByteMap): bool {
  const length = lengthOf(name);
  if (length == 0 || length > 255) return false;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(name, at);
    const isWord = <u32>(byte - 0x30) < 10 || <u32>((byte | 0x20) - 0x61) < 26;
    if (!isWord && byte != 0x2d && byte != 0x5f && byte != 0x2e) return false;
  }
  return !reserved.has(lowerCase(name));
}

/** The words as keys: to look for one in a text would make the text anew each time. */
function setOf(words: string): ByteMap {
  const set = new ByteMap();
  const bytes = literal(words);
  let start: u32 = 0;
  for (let at: u32 = 0; at <= lengthOf(bytes); at++) {
    if (at < lengthOf(bytes) && byteAt(bytes, at) != 0x20) continue;
    set.set(slice(bytes, start, at), 0);
    start = at + 1;
  }
  return set;
}
