import {
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
} from "./values";

/**
 * A root context as the exported callbacks see it: one plugin with one configuration. Several live in
 * one VM (two plugins with the same code, or the old and the new configuration during an update), so
 * everything that comes from configuration belongs to a root and never to the module.
 *
 * `state` in the stream callbacks is what the root itself put beside the stream's id with `trackStream`;
 * 0 for a stream that it does not track.
 *
 * There are two kinds: `FilterRoot` runs filters as values, `RootContext` is the one for developers who
 * want contexts in the manner of `@solo-io/proxy-runtime`.
 */
export abstract class Root {
  /** The root context that was made after this one; after the last, the first. Kept by `roots.ts`. */
  next: Root | null = null;
  /** The round of ticks (`roots.ts`) in which it was made or ticked last. */
  round: u32 = 0;

  constructor(
    /** The context id that the host gave it. */
    readonly id: u32,
  ) {}

  /** The VM was started. False keeps it from running. */
  vmStarted(_configurationSize: u32): bool {
    return true;
  }

  /** Reads the plugin's configuration. False refuses it: the host keeps what ran before. */
  configured(_configurationSize: u32): bool {
    return true;
  }

  ticked(): void {}

  /**
   * Whether nobody tells that the root, or a stream of it, is gone: the module exports no `proxy_on_delete`, which Envoy would call
   * for every request. It ticks, and the host is asked then.
   */
  get isSwept(): bool {
    return false;
  }

  /** The plugin is about to go. False asks the host to wait for `proxy_done`. */
  finished(): bool {
    return true;
  }

  /** Nothing refers to this root any more. */
  deleted(): void {}

  streamCreated(_id: u32): void {}

  requestHeaders(_id: u32, _state: usize, _count: u32, _endOfStream: bool): u32 {
    return FilterHeadersStatusValues.Continue;
  }

  requestBody(_id: u32, _state: usize, _size: u32, _endOfStream: bool): u32 {
    return FilterDataStatusValues.Continue;
  }

  requestTrailers(_id: u32, _state: usize, _count: u32): u32 {
    return FilterTrailersStatusValues.Continue;
  }

  responseHeaders(_id: u32, _state: usize, _count: u32, _endOfStream: bool): u32 {
    return FilterHeadersStatusValues.Continue;
  }

  responseBody(_id: u32, _state: usize, _size: u32, _endOfStream: bool): u32 {
    return FilterDataStatusValues.Continue;
  }

  responseTrailers(_id: u32, _state: usize, _count: u32): u32 {
    return FilterTrailersStatusValues.Continue;
  }

  streamFinished(_id: u32, _state: usize): bool {
    return true;
  }

  streamLogged(_id: u32, _state: usize): void {}

  streamDeleted(_id: u32, _state: usize): void {}

  // Calls and queues. These come to the root context, whoever called: the maps and bodies of a stream are there
  // only after `proxy_set_effective_context`.

  httpCallResponse(_token: u32, _headers: u32, _bodySize: u32, _trailers: u32): void {}

  grpcInitialMetadata(_token: u32, _count: u32): void {}

  grpcReceived(_token: u32, _size: u32): void {}

  grpcTrailingMetadata(_token: u32, _count: u32): void {}

  grpcClosed(_token: u32, _status: u32): void {}

  queueReady(_token: u32): void {}

  // Connections, where the module is a network plugin.

  newConnection(_id: u32, _state: usize): u32 {
    return FilterStatusValues.Continue;
  }

  downstreamData(_id: u32, _state: usize, _size: u32, _endOfStream: bool): u32 {
    return FilterStatusValues.Continue;
  }

  upstreamData(_id: u32, _state: usize, _size: u32, _endOfStream: bool): u32 {
    return FilterStatusValues.Continue;
  }

  downstreamClosed(_id: u32, _state: usize, _peer: u32): void {}

  upstreamClosed(_id: u32, _state: usize, _peer: u32): void {}
}
