import { arenaAllocate } from "../bytes/arena";
import { Bytes, bytesOf, copyTo, lengthOf, literal, pointerOf } from "../bytes/bytes";
import { decimalTo } from "../bytes/decimal";
import { PairsWriter } from "../host/pairs";
import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { ResponseView } from "../response-view";

/** In which form a response tells the client of its limits. */
export enum LimitFields {
  /**
   * `x-ratelimit-limit`, `-remaining` and `-reset`, as Envoy's own filters write what they call `DRAFT_VERSION_03` of
   * draft-polli-ratelimit-headers (`ratelimit_headers.cc`): the limit of which least remains first, then all of them.
   */
  Draft03,
  /** `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10. */
  Draft10,
  Off,
}

/** Reads a filter's field `responseHeaders`. */
export function readLimitFields(reader: ConfigReader, object: JsonNode): LimitFields {
  return reader.choice(object, "responseHeaders", "draft03 draft10 off", LimitFields.Draft03);
}

/** So many limits are told at most, in a text of so many bytes. */
const MOST: u32 = 16;
/** Of a limit: its name (63 bytes, or what a service says), three numbers and what stands between. */
const ROOM: u32 = 128;
const LONGEST_NAME: u32 = 63;

/** What is told of the limits that a request has met. Begun anew for each response; its texts live in the arena. */
@final
export class LimitHeaders {
  private fields: LimitFields = LimitFields.Off;
  private count: u32 = 0;
  /** All policies, and (of draft10) what remains of each. */
  private policies: usize = 0;
  private policiesEnd: usize = 0;
  private states: usize = 0;
  private statesEnd: usize = 0;
  /** The limit of which least remains. */
  private requests: u32 = 0;
  private remaining: u32 = 0;
  private reset: u32 = 0;

  begin(fields: LimitFields): LimitHeaders {
    this.fields = fields;
    this.count = 0;
    return this;
  }

  /** A limit of `requests` in `window` seconds, of which `remaining` are left and which is full again in `reset` seconds. */
  add(name: Bytes, requests: u32, window: u32, remaining: u32, reset: u32): void {
    if (this.fields == LimitFields.Off || this.count == MOST) return;
    if (this.count == 0) {
      this.policies = arenaAllocate(MOST * ROOM);
      this.policiesEnd = this.policies;
      this.states = arenaAllocate(MOST * ROOM);
      this.statesEnd = this.states;
    }
    if (this.count++ == 0 || remaining < this.remaining) {
      this.requests = requests;
      this.remaining = remaining;
      this.reset = reset;
    }
    let at = this.policiesEnd;
    if (this.fields == LimitFields.Draft03) {
      at = number(COMMA, at, requests);
      at = number(WINDOW, at, window);
      if (lengthOf(name) > 0) {
        at = text(NAME, at);
        at = quoted(name, at);
      }
    } else {
      at = quoted(name, this.count == 1 ? at : text(COMMA, at));
      at = number(QUOTA, at, requests);
      at = number(WINDOW, at, window);
      let state = quoted(name, this.count == 1 ? this.states : text(COMMA, this.statesEnd));
      state = number(REMAINING, state, remaining);
      this.statesEnd = number(TIME, state, reset);
    }
    this.policiesEnd = at;
  }

  /** Adds the headers to those of a reply. */
  toReply(pairs: PairsWriter): void {
    if (this.count == 0) return;
    if (this.fields == LimitFields.Draft03) {
      pairs.add(X_LIMIT, this.limit()).add(X_REMAINING, decimal(this.remaining));
      pairs.add(X_RESET, decimal(this.reset));
    } else pairs.add(POLICY, this.policy()).add(STATE, this.state());
  }

  /** Sets the headers of a response. */
  toResponse(response: ResponseView): void {
    if (this.count == 0) return;
    if (this.fields == LimitFields.Draft03) {
      response.set(X_LIMIT, this.limit());
      response.set(X_REMAINING, decimal(this.remaining));
      response.set(X_RESET, decimal(this.reset));
    } else {
      response.set(POLICY, this.policy());
      response.set(STATE, this.state());
    }
  }

  private limit(): Bytes {
    const start = arenaAllocate(MOST * ROOM + 10);
    const policies = this.policy();
    const end = decimalTo(start, this.requests);
    return bytesOf(start, <u32>(end - start) + copyTo(end, policies));
  }

  private policy(): Bytes {
    return bytesOf(this.policies, <u32>(this.policiesEnd - this.policies));
  }

  private state(): Bytes {
    return bytesOf(this.states, <u32>(this.statesEnd - this.states));
  }
}

/** A number in decimal, in the arena. */
export function decimal(value: u32): Bytes {
  const start = arenaAllocate(10);
  return bytesOf(start, <u32>(decimalTo(start, value) - start));
}

function text(value: Bytes, at: usize): usize {
  return at + copyTo(at, value);
}

function number(before: Bytes, at: usize, value: u32): usize {
  return decimalTo(text(before, at), value);
}

/** A string of RFC 9651 §3.3.3: printable ASCII; other bytes, quotes and backslashes (no name of ours has them) become `_`. */
function quoted(name: Bytes, at: usize): usize {
  store<u8>(at++, QUOTE);
  const length = min(lengthOf(name), LONGEST_NAME);
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(pointerOf(name) + i);
    const isPlain = byte >= 0x20 && byte < 0x7f && byte != QUOTE && byte != 0x5c;
    store<u8>(at++, isPlain ? byte : 0x5f);
  }
  store<u8>(at++, QUOTE);
  return at;
}

const QUOTE: u8 = 0x22;
// @ts-ignore: decorator
@lazy const COMMA = literal(", ");
// @ts-ignore: decorator
@lazy const WINDOW = literal(";w=");
// @ts-ignore: decorator
@lazy const NAME = literal(";name=");
// @ts-ignore: decorator
@lazy const QUOTA = literal(";q=");
// @ts-ignore: decorator
@lazy const REMAINING = literal(";r=");
// @ts-ignore: decorator
@lazy const TIME = literal(";t=");
// @ts-ignore: decorator
@lazy const X_LIMIT = literal("x-ratelimit-limit");
// @ts-ignore: decorator
@lazy const X_REMAINING = literal("x-ratelimit-remaining");
// @ts-ignore: decorator
@lazy const X_RESET = literal("x-ratelimit-reset");
// @ts-ignore: decorator
@lazy const POLICY = literal("ratelimit-policy");
// @ts-ignore: decorator
@lazy const STATE = literal("ratelimit");
