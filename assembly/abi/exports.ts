/**
 * The callbacks of proxy-wasm ABI 0.2.1. A module re-exports those that it uses and no other: Envoy
 * skips what a module lacks, and every crossing costs about half a microsecond a request. A filter of
 * request headers needs `proxy_abi_version_0_2_1`, `proxy_on_memory_allocate`, `proxy_on_context_create`,
 * `proxy_on_configure`, `proxy_on_request_headers` and `proxy_on_tick`; one that keeps something for a stream needs
 * `proxy_on_delete` too.
 */
import { arenaAllocate, resetArena } from "../bytes/arena";
import { collectWhenDue } from "./garbage";
import {
  addRoot,
  enterStream,
  forgetDeletedRoots,
  noteTick,
  removeRoot,
  rootOf,
  rootOfNewStream,
} from "./roots";
import { findStream, rootIn, stateIn, untrackStream } from "./streams";
import {
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
} from "./values";

/** Says which ABI the module speaks; never called. */
export function proxy_abi_version_0_2_1(): void {}

/** Where the host puts what a host function returns: valid until the next callback. */
export function proxy_on_memory_allocate(size: usize): usize {
  return arenaAllocate(size);
}

export function proxy_on_vm_start(rootId: u32, configurationSize: u32): bool {
  resetArena();
  const root = rootOf(rootId);
  return root == null || root.vmStarted(configurationSize);
}

/** A root context when `parentId` is 0, a stream of the root context `parentId` otherwise. */
export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId == 0) {
    resetArena();
    addRoot(id);
  } else {
    const root = enterStream(id, parentId);
    if (root != null) root.streamCreated(id);
  }
}

export function proxy_on_configure(rootId: u32, configurationSize: u32): bool {
  resetArena();
  const root = rootOf(rootId);
  // Room for the new configuration: what belonged to roots that are gone. Nothing managed is on the stack here and below, as the
  // collector of `--runtime minimal` needs it.
  // @ts-ignore: a builtin of the runtime.
  if (forgetDeletedRoots(rootId)) __collect();
  const accepted = root != null && root.configured(configurationSize);
  // What reading the configuration left behind.
  // @ts-ignore: a builtin of the runtime.
  __collect();
  return accepted;
}

export function proxy_on_tick(rootId: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) {
    const forgot = noteTick(root);
    root.ticked();
    // @ts-ignore: a builtin of the runtime.
    if (forgot) __collect();
  }
  collectWhenDue();
}

export function proxy_on_request_headers(id: u32, count: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) return rootIn(entry).requestHeaders(id, stateIn(entry), count, endOfStream != 0);
  const root = rootOfNewStream(id);
  // Envoy creates a stream's context immediately before this callback (`Context::decodeHeaders` in
  // `source/extensions/common/wasm/context.cc`). A host that did not would leave the request undecided:
  // it waits rather than passes.
  return root == null
    ? FilterHeadersStatusValues.StopIteration
    : root.requestHeaders(id, 0, count, endOfStream != 0);
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterDataStatusValues.Continue;
  const status = rootIn(entry).requestBody(id, stateIn(entry), size, endOfStream != 0);
  collectWhenDue();
  return status;
}

export function proxy_on_request_trailers(id: u32, count: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterTrailersStatusValues.Continue;
  return rootIn(entry).requestTrailers(id, stateIn(entry), count);
}

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterHeadersStatusValues.Continue;
  return rootIn(entry).responseHeaders(id, stateIn(entry), count, endOfStream != 0);
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterDataStatusValues.Continue;
  const status = rootIn(entry).responseBody(id, stateIn(entry), size, endOfStream != 0);
  collectWhenDue();
  return status;
}

export function proxy_on_response_trailers(id: u32, count: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterTrailersStatusValues.Continue;
  return rootIn(entry).responseTrailers(id, stateIn(entry), count);
}

/** The answer to an HTTP call; all sizes are 0 where it failed. */
export function proxy_on_http_call_response(
  rootId: u32,
  token: u32,
  headers: u32,
  bodySize: u32,
  trailers: u32,
): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.httpCallResponse(token, headers, bodySize, trailers);
  collectWhenDue();
}

/** Of a gRPC stream; a call's initial metadata is not told. */
export function proxy_on_grpc_receive_initial_metadata(rootId: u32, token: u32, count: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.grpcInitialMetadata(token, count);
  collectWhenDue();
}

/** A message: the answer to a gRPC call, or one of a stream's. */
export function proxy_on_grpc_receive(rootId: u32, token: u32, size: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.grpcReceived(token, size);
  collectWhenDue();
}

/** Of a gRPC stream. */
export function proxy_on_grpc_receive_trailing_metadata(rootId: u32, token: u32, count: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.grpcTrailingMetadata(token, count);
  collectWhenDue();
}

/** A gRPC call has failed, or the other side has ended a stream. */
export function proxy_on_grpc_close(rootId: u32, token: u32, status: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.grpcClosed(token, status);
  collectWhenDue();
}

/** Something was put into a queue that the root context has registered. */
export function proxy_on_queue_ready(rootId: u32, token: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) root.queueReady(token);
  collectWhenDue();
}

/** A connection, in a network plugin: its context was created immediately before. */
export function proxy_on_new_connection(id: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) return rootIn(entry).newConnection(id, stateIn(entry));
  const root = rootOfNewStream(id);
  return root == null ? FilterStatusValues.StopIteration : root.newConnection(id, 0);
}

export function proxy_on_downstream_data(id: u32, size: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterStatusValues.Continue;
  const status = rootIn(entry).downstreamData(id, stateIn(entry), size, endOfStream != 0);
  collectWhenDue();
  return status;
}

export function proxy_on_upstream_data(id: u32, size: u32, endOfStream: u32): u32 {
  resetArena();
  const entry = findStream(id);
  if (entry == 0) return FilterStatusValues.Continue;
  const status = rootIn(entry).upstreamData(id, stateIn(entry), size, endOfStream != 0);
  collectWhenDue();
  return status;
}

export function proxy_on_downstream_connection_close(id: u32, peer: u32): void {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) rootIn(entry).downstreamClosed(id, stateIn(entry), peer);
}

export function proxy_on_upstream_connection_close(id: u32, peer: u32): void {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) rootIn(entry).upstreamClosed(id, stateIn(entry), peer);
}

/** A stream or a root context is done. False asks the host to wait for `proxy_done`. */
export function proxy_on_done(id: u32): bool {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) return rootIn(entry).streamFinished(id, stateIn(entry));
  const root = rootOf(id);
  return root == null || root.finished();
}

export function proxy_on_log(id: u32): void {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) rootIn(entry).streamLogged(id, stateIn(entry));
}

export function proxy_on_delete(id: u32): void {
  resetArena();
  const entry = findStream(id);
  if (entry != 0) {
    const root = rootIn(entry);
    const state = stateIn(entry);
    untrackStream(entry);
    root.streamDeleted(id, state);
    collectWhenDue();
    return;
  }
  const root = rootOf(id);
  if (root == null) return;
  root.deleted();
  removeRoot(root);
  // @ts-ignore: a builtin of the runtime.
  __collect();
}
