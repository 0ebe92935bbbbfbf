/**
 * The callbacks of proxy-wasm ABI 0.2.1. A module re-exports those that it uses and no other: Envoy
 * skips what a module lacks, and every crossing costs about half a microsecond a request. A filter of
 * request headers needs `proxy_abi_version_0_2_1`, `proxy_on_memory_allocate`, `proxy_on_context_create`,
 * `proxy_on_configure`, `proxy_on_request_headers` and `proxy_on_tick`; one that keeps something for a stream needs
 * `proxy_on_delete` too.
 */
import { arenaAllocate, resetArena } from "../bytes/arena";
import { collectWhenDue } from "./garbage";
import { addRoot, enterStream, noteTick, removeRoot, rootOf, rootOfNewStream } from "./roots";
import { findStream, rootIn, stateIn, untrackStream } from "./streams";
import { FilterDataStatusValues, FilterHeadersStatusValues, FilterTrailersStatusValues } from "./values";

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
  const accepted = root != null && root.configured(configurationSize);
  // What reading the configuration left behind. Nothing managed is on the stack here, as the collector
  // of `--runtime minimal` needs it.
  // @ts-ignore: a builtin of the runtime.
  __collect();
  return accepted;
}

export function proxy_on_tick(rootId: u32): void {
  resetArena();
  const root = rootOf(rootId);
  if (root != null) {
    noteTick(root);
    root.ticked();
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
