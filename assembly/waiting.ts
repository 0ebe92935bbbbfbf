import { mayTrackCall, trackCall } from "./abi/calls";
import { parks } from "./abi/parked";
import { BufferTypeValues, GrpcStatusValues, HeaderMapTypeValues } from "./abi/values";
import { ABSENT, byteAt, Bytes, bytesOf, lengthOf } from "./bytes/bytes";
import { HeaderView } from "./header-view";
import { getBuffer } from "./host/buffers";
import { grpcStatusMessage, sendGrpcCall } from "./host/grpc";
import { NO_CALL, sendHttpCall } from "./host/http-call";
import { forgetParking, isLate, isWoken } from "./parking";

/**
 * Calls of filters that wait for the answer. A filter calls and returns `Verdict.Wait`; with the answer it is asked again
 * (`Filter.onAnswer`). One call at a time: of several in one callback, the last one is waited for.
 */

/**
 * Whether any filter of the module calls. In a module where none does, nothing sets it, and the compiler drops all that
 * depends on it.
 */
export let waits: bool = false;

let sent: u32 = NO_CALL;
let sentMemo: u32 = 0;

/**
 * Sends an HTTP request to a cluster. `headers` is a block of pairs (`pairs`), `:method`, `:path` and `:authority` among them;
 * `timeout` is in milliseconds, more than 0: whoever waits must get an answer. `memo` comes back with it. False when nothing
 * was sent: no such cluster, a header missing, too many calls waiting; then decide without an answer.
 */
export function callHttp(cluster: Bytes, headers: Bytes, body: Bytes, timeout: u32, memo: u32 = 0): bool {
  waits = true;
  sent = timeout > 0 && mayTrackCall() ? sendHttpCall(cluster, headers, body, ABSENT, timeout) : NO_CALL;
  sentMemo = memo;
  return sent != NO_CALL;
}

/**
 * Calls a gRPC method with one message. As {@link callHttp}; `metadata` is a block of pairs or no bytes, `authority` what the server gets
 * as `:authority` in the place of the cluster's name.
 */
export function callGrpc(
  cluster: Bytes,
  service: Bytes,
  method: Bytes,
  metadata: Bytes,
  message: Bytes,
  timeout: u32,
  memo: u32 = 0,
  authority: Bytes = ABSENT,
): bool {
  waits = true;
  sent =
    timeout > 0 && mayTrackCall()
      ? sendGrpcCall(cluster, service, method, metadata, message, timeout, authority)
      : NO_CALL;
  sentMemo = memo;
  return sent != NO_CALL;
}

/** Whether any filter of the module calls without a request that waits. As with {@link waits}. */
export let asks: bool = false;

/** Says, while the filter is configured, that it will use {@link callHttpInBackground} or {@link callGrpcInBackground}. */
export function keepAsking(): void {
  asks = true;
  waits = true;
}

/** In the place of a stream, of a call that no request waits for; never the id of one. */
export const IN_BACKGROUND: u32 = 0;

/** Who is asked, as {@link beginAsking} was told. */
export let askingRoot: u32 = 0;
export let askingFilter: u32 = 0;
export let askingConfiguration: usize = 0;

/** Before a filter is asked: whose answer it is if it calls in the background. */
export function beginAsking(root: u32, filter: u32, configuration: usize): void {
  askingRoot = root;
  askingFilter = filter;
  askingConfiguration = configuration;
}

/**
 * Sends an HTTP request to a cluster, and lets requests go on meanwhile: `Filter.onBackground` gets the answer, unless a new
 * configuration has come. As {@link callHttp}; from `onRequest`, `onAnswer`, `onEnd`, `onBackground` and `onTick` of a filter that has said
 * {@link keepAsking}.
 */
export function callHttpInBackground(
  cluster: Bytes,
  headers: Bytes,
  body: Bytes,
  timeout: u32,
  memo: u32 = 0,
): bool {
  if (timeout == 0 || !mayTrackCall()) return false;
  return trackInBackground(sendHttpCall(cluster, headers, body, ABSENT, timeout), memo);
}

/** Calls a gRPC method with one message, and lets requests go on meanwhile. As {@link callGrpc} and {@link callHttpInBackground}. */
export function callGrpcInBackground(
  cluster: Bytes,
  service: Bytes,
  method: Bytes,
  metadata: Bytes,
  message: Bytes,
  timeout: u32,
  memo: u32 = 0,
): bool {
  if (timeout == 0 || !mayTrackCall()) return false;
  return trackInBackground(sendGrpcCall(cluster, service, method, metadata, message, timeout), memo);
}

function trackInBackground(token: u32, memo: u32): bool {
  if (token == NO_CALL) return false;
  trackCall(token, askingRoot, IN_BACKGROUND, askingFilter, memo, askingConfiguration);
  return true;
}

/** Before a filter is asked: what another one sent is not its own. */
export function forgetSent(): void {
  sent = NO_CALL;
  if (parks) forgetParking();
}

/** The token of the call that was sent last, or {@link NO_CALL}. */
export function sentToken(): u32 {
  return sent;
}

export function sentMemoOf(): u32 {
  return sentMemo;
}

/** What came of a call. Valid in `Filter.onAnswer`. */
@final
export class CallAnswer {
  private readonly view: HeaderView = new HeaderView();
  private loaded: bool = false;
  private grpc: bool = false;
  private size: u32 = 0;
  /** As it was given to the call. */
  memo: u32 = 0;
  /**
   * Of HTTP the status; 0 when the answer broke off. What goes wrong before an answer is one of Envoy's own: 504 when the time
   * was up, 503 where there was no connection, 502 where it was no HTTP. Of gRPC the gRPC status: 14 for all of these.
   */
  status: u32 = 0;
  /** Of gRPC what the server (or Envoy) says of a status other than 0, percent-encoded; for logs. */
  message: Bytes = ABSENT;

  /** There was no call: the request was parked (`park`), and its filter has woken it, or its time is up. Status 0, no headers, no body. */
  get woken(): bool {
    return isWoken();
  }

  /** Of a request that was parked: its time is up. */
  get timedOut(): bool {
    return isLate();
  }

  beginWoken(memo: u32): CallAnswer {
    this.begin(false, 0);
    this.memo = memo;
    return this;
  }

  beginHttp(headers: u32, size: u32): CallAnswer {
    this.begin(false, size);
    if (headers != 0) this.status = statusIn(this.headers.get(statusName()));
    return this;
  }

  beginGrpc(status: u32, size: u32): CallAnswer {
    this.begin(true, size);
    this.status = status;
    // Only now: it is the root context's, and the stream is made effective later.
    if (status != GrpcStatusValues.Ok) this.message = grpcStatusMessage();
    return this;
  }

  /** Bytes of the body or the message, which {@link body} would copy. */
  get bodySize(): u32 {
    return this.size;
  }

  /** The headers of an HTTP answer, with `:status` among them. Read by one host call at the first use. */
  get headers(): HeaderView {
    if (!this.loaded) {
      this.view.load(HeaderMapTypeValues.HttpCallResponseHeaders);
      this.loaded = true;
    }
    return this.view;
  }

  /** The body or the message; {@link ABSENT} when there is none. Costs a host call each time. */
  body(): Bytes {
    if (this.size == 0) return ABSENT;
    const buffer = this.grpc ? BufferTypeValues.GrpcReceiveBuffer : BufferTypeValues.HttpCallResponseBody;
    return getBuffer(buffer, 0, this.size);
  }

  private begin(grpc: bool, size: u32): void {
    this.grpc = grpc;
    this.size = size;
    this.loaded = false;
    this.status = 0;
    this.message = ABSENT;
  }
}

/** `:status`; as bytes, since texts of a file stand also in modules that do not use them (`tools/texts.ts`). */
function statusName(): Bytes {
  return bytesOf(memory.data<u8>([0x3a, 0x73, 0x74, 0x61, 0x74, 0x75, 0x73]), 7);
}

/** The three digits of a status. */
function statusIn(text: Bytes): u32 {
  if (lengthOf(text) != 3) return 0;
  return <u32>byteAt(text, 0) * 100 + <u32>byteAt(text, 1) * 10 + byteAt(text, 2) - 0x30 * 111;
}
