import { lowerCase } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf } from "../../../assembly/bytes/bytes";
import { ProtobufReader, Wire } from "../../../assembly/bytes/protobuf";
import { isUtf8 } from "../../../assembly/bytes/utf8";
import { Change } from "./change";
import { decision, Outcome } from "./decision";

/** Which headers of an answer are read. */
const enum For {
  Request,
  Response,
  /** To a request that is denied. */
  Denial,
  /** To one about which the service failed. */
  Error,
}

/**
 * Reads the answer of `envoy.service.auth.v3.Authorization/Check` (`envoy/service/auth/v3/external_auth.proto`) into `decision`, as Envoy's
 * `ext_authz_grpc_impl.cc` does. It comes from another process: nothing in it can do more than make it unusable. Dynamic metadata is passed
 * over, since a Wasm module can write none.
 */
@final
export class CheckResponse {
  private readonly outer: ProtobufReader = new ProtobufReader();
  private readonly middle: ProtobufReader = new ProtobufReader();
  private readonly option: ProtobufReader = new ProtobufReader();
  private readonly inner: ProtobufReader = new ProtobufReader();

  /** False when the message is broken, or has more in it than a decision may have. An empty one allows, as everywhere in protobuf. */
  read(message: Bytes): bool {
    decision.begin();
    let code: u64 = 0;
    let kind: u32 = 0;
    let http = ABSENT;
    const reader = this.outer;
    reader.begin(message);
    while (reader.next()) {
      if (reader.wire != Wire.Bytes) continue;
      switch (reader.field) {
        case 1:
          if (!this.number(reader.bytes)) return false;
          code = this.found;
          break;
        // Of `http_response`, as of each `oneof`, the last one counts: denied, ok, error.
        case 2:
        case 3:
        case 5:
          kind = reader.field;
          http = reader.bytes;
          break;
        default:
      }
    }
    if (reader.broken) return false;
    if (code == 0) {
      decision.outcome = Outcome.Allowed;
      return kind != 3 || (this.readOk(http) && !decision.isTooLarge);
    }
    const isError = kind == 5;
    decision.outcome = isError ? Outcome.Failed : Outcome.Denied;
    decision.status = isError ? 0 : FORBIDDEN;
    return (
      (kind != 2 && !isError) ||
      (this.readReply(http, isError ? For.Error : For.Denial) && !decision.isTooLarge)
    );
  }

  /** What {@link number} has read. */
  private found: u64 = 0;

  /** Reads field 1 of a message that has a number there, and in field 2 at most a text: a status, or a wrapped value. False when it is broken. */
  private number(message: Bytes): bool {
    const reader = this.middle;
    this.found = 0;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1 && reader.wire == Wire.Varint) this.found = reader.number;
      else if (reader.field == 2 && !isUtf8(reader.bytes)) return false;
    }
    return !reader.broken;
  }

  /** `OkHttpResponse`. */
  private readOk(message: Bytes): bool {
    const reader = this.outer;
    reader.begin(message);
    while (reader.next()) {
      if (reader.wire != Wire.Bytes) continue;
      switch (reader.field) {
        case 2:
          if (!this.readHeader(reader.bytes, For.Request)) return false;
          break;
        case 5:
          if (!isUtf8(reader.bytes)) return false;
          decision.add(Change.Remove, lowerCase(reader.bytes), ABSENT);
          break;
        case 6:
          if (!this.readHeader(reader.bytes, For.Response)) return false;
          break;
        case 7:
          if (!this.readPair(reader.bytes)) return false;
          decision.add(Change.SetQuery, this.key, this.value);
          break;
        case 8:
          if (!isUtf8(reader.bytes)) return false;
          decision.add(Change.RemoveQuery, reader.bytes, ABSENT);
          break;
        default:
      }
    }
    return !reader.broken;
  }

  /** `DeniedHttpResponse`, which errors have as well. */
  private readReply(message: Bytes, side: For): bool {
    const reader = this.outer;
    reader.begin(message);
    while (reader.next()) {
      if (reader.wire != Wire.Bytes) continue;
      switch (reader.field) {
        case 1:
          if (!this.number(reader.bytes)) return false;
          // Others are no status of a response.
          if (this.found - 200 < 400) decision.status = <u32>this.found;
          break;
        case 2:
          if (!this.readHeader(reader.bytes, side)) return false;
          break;
        case 3:
          if (!isUtf8(reader.bytes)) return false;
          decision.body = reader.bytes;
          break;
        default:
      }
    }
    return !reader.broken;
  }

  private key: Bytes = ABSENT;
  private value: Bytes = ABSENT;

  /** `HeaderValue` and `QueryParameter`. */
  private readPair(message: Bytes): bool {
    const reader = this.inner;
    this.key = ABSENT;
    // A header without a value is there, and empty.
    this.value = EMPTY;
    reader.begin(message);
    while (reader.next()) {
      if (reader.wire != Wire.Bytes) continue;
      if (reader.field == 1) this.key = reader.bytes;
      else if (reader.field == 2) this.value = reader.bytes;
    }
    return !reader.broken && isUtf8(this.key) && isUtf8(this.value);
  }

  /** `HeaderValueOption`. */
  private readHeader(message: Bytes, side: For): bool {
    const reader = this.option;
    let header = ABSENT;
    let hasAppend = false;
    let appends = false;
    let action: u64 = 0;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1 && reader.wire == Wire.Bytes) header = reader.bytes;
      else if (reader.field == 2 && reader.wire == Wire.Bytes) {
        if (!this.number(reader.bytes)) return false;
        hasAppend = true;
        appends = this.found != 0;
      } else if (reader.field == 3 && reader.wire == Wire.Varint) action = reader.number;
    }
    if (reader.broken || !this.readPair(header)) return false;
    let change = Change.Set;
    if (side == For.Request) change = appends ? Change.Append : Change.Set;
    else if (side != For.Response) {
      // Envoy 1.40 leaves those out of a denial which are to be appended.
      if (appends && side == For.Denial) return true;
      change = appends ? Change.AppendToReply : Change.Reply;
    } else if (hasAppend) change = appends ? Change.AddToResponse : Change.SetInResponse;
    else {
      switch (<u32>min<u64>(action, 4)) {
        case 0:
          change = Change.AddToResponse;
          break;
        case 1:
          change = Change.AddIfAbsent;
          break;
        case 2:
          change = Change.SetInResponse;
          break;
        case 3:
          change = Change.OverwriteIfExists;
          break;
        default:
          decision.dropped++;
          return true;
      }
    }
    decision.add(change, lowerCase(this.key), this.value);
    return true;
  }
}

const FORBIDDEN: u32 = 403;
const EMPTY: Bytes = bytesOf(memory.data(8), 0);
