import { arenaAllocate, concatenate } from "../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { hexTo } from "../../assembly/bytes/hex";
import { ProtobufWriter } from "../../assembly/bytes/protobuf";
import { SHA256_SIZE, sha256 } from "../../assembly/bytes/sha256";
import { utf8SequenceLength } from "../../assembly/bytes/utf8";
import { Attribute } from "../../assembly/match/attribute";
import { RequestView } from "../../assembly/request-view";

/** A value of more bytes is sent as its digest: what clients choose is not to fill the service's memory. */
const LONGEST_VALUE: u32 = 1024;

/** An entry of a descriptor: a key, and a value that is configured or comes from the request. */
@final
export class Entry {
  constructor(
    private readonly key: Bytes,
    /** {@link ABSENT} where it comes from the request. */
    private readonly value: Bytes,
    private readonly from: Attribute | null,
    private readonly hash: bool,
    /** Without a value the entry is left out; otherwise the descriptor is. */
    readonly skipIfMissing: bool,
  ) {}

  /** The serialized `RateLimitDescriptor.Entry`, or {@link ABSENT} when the request has no value for it. */
  write(request: RequestView): Bytes {
    const from = this.from;
    let value = this.value;
    if (from != null) {
      value = from.read(request);
      if (value == ABSENT) return ABSENT;
      if (this.hash || !isText(value)) value = digest(value);
    }
    entryWriter.begin();
    entryWriter.bytes(1, this.key);
    entryWriter.bytes(2, value);
    return entryWriter.end();
  }
}

/** What the service counts by: `RateLimitDescriptor` (`envoy/extensions/common/ratelimit/v3/ratelimit.proto`). */
@final
export class Descriptor {
  constructor(
    private readonly entries: StaticArray<Entry>,
    /** A serialized `RateLimitOverride`, or {@link ABSENT}. */
    private readonly ownLimit: Bytes,
  ) {}

  /** The serialized descriptor for a request, in the arena; {@link ABSENT} when it is not to be sent. */
  write(request: RequestView): Bytes {
    const entries = this.entries;
    let written = false;
    descriptorWriter.begin();
    for (let at = 0, count = entries.length; at < count; at++) {
      const entry = unchecked(entries[at]);
      const bytes = entry.write(request);
      if (bytes != ABSENT) {
        descriptorWriter.bytes(1, bytes);
        written = true;
      } else if (!entry.skipIfMissing) return ABSENT;
    }
    descriptorWriter.bytes(2, this.ownLimit);
    return written ? descriptorWriter.end() : ABSENT;
  }
}

/** A serialized `RateLimitOverride`: so many requests a unit. */
export function overrideOf(requests: u32, unit: u32): Bytes {
  entryWriter.begin();
  entryWriter.number(1, requests);
  entryWriter.number(2, unit);
  return entryWriter.end();
}

/** The field `hits_addend` of a descriptor, a `UInt64Value`: what is put behind a serialized descriptor. */
export function hitsOf(hits: u32): Bytes {
  entryWriter.begin();
  entryWriter.number(1, hits);
  descriptorWriter.begin();
  descriptorWriter.bytes(3, entryWriter.end());
  return descriptorWriter.end();
}

/** The question to the service, `RateLimitRequest` (`envoy/service/ratelimit/v3/rls.proto`). */
@final
export class Question {
  private readonly writer: ProtobufWriter = new ProtobufWriter();
  private hits: u32 = 0;

  begin(domain: Bytes): void {
    this.writer.begin();
    this.writer.bytes(1, domain);
    this.hits = 0;
  }

  /**
   * Asks for `hits` of a descriptor. `field` is {@link hitsOf} them: a service that does not know it takes the first
   * descriptor's hits for all of them.
   */
  add(descriptor: Bytes, hits: u32, field: Bytes): void {
    if (this.hits == 0) this.hits = hits;
    const isPlain = hits == this.hits;
    this.writer.bytes(2, isPlain ? descriptor : concatenate(descriptor, ABSENT, field));
  }

  end(): Bytes {
    this.writer.number(3, this.hits);
    return this.writer.end();
  }
}

// @ts-ignore: decorator
@lazy const entryWriter = new ProtobufWriter();
// @ts-ignore: decorator
@lazy const descriptorWriter = new ProtobufWriter();

/**
 * Whether a value can be a protobuf `string`, which is UTF-8, and is not too long. A service refuses a whole request with one that is
 * not: a client could so make each call fail.
 */
function isText(value: Bytes): bool {
  const length = lengthOf(value);
  if (length > LONGEST_VALUE) return false;
  const end = pointerOf(value) + length;
  for (let at = pointerOf(value); at < end;) {
    const size = utf8SequenceLength(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

/** SHA-256 in lower-case hex. */
function digest(value: Bytes): Bytes {
  const raw = arenaAllocate(SHA256_SIZE * 3);
  sha256(value, raw);
  return hexTo(bytesOf(raw, SHA256_SIZE), raw + SHA256_SIZE);
}
