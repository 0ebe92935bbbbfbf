import { noteGarbage } from "./abi/garbage";
import { Root } from "./abi/root";
import { registerRoot } from "./abi/roots";
import { trackStream } from "./abi/streams";
import {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
} from "./abi/values";
import { ABSENT, textOf } from "./bytes/bytes";
import { getBuffer } from "./host/buffers";

/**
 * Contexts for developers' own filters, in the manner of `@solo-io/proxy-runtime`: a root context for each plugin
 * with its configuration, a context for each stream. They allocate on the managed heap; the suite's own filters
 * are values instead (`Filter`), which do not.
 */

/** A plugin with one configuration. */
export class RootContext extends Root {
  private configuration: string = "";

  constructor(context_id: u32) {
    super(context_id);
  }

  get context_id(): u32 {
    return this.id;
  }

  /** The plugin's configuration as text. */
  getConfiguration(): string {
    return this.configuration;
  }

  /** Makes the context of a stream. */
  createContext(context_id: u32): Context {
    return new Context(context_id, this);
  }

  onStart(_vm_configuration_size: usize): bool {
    return true;
  }

  /** False refuses the configuration: say why with `log` first. */
  onConfigure(_configuration_size: usize): bool {
    return true;
  }

  onTick(): void {}

  /** False asks the host to wait for `proxy_done`. */
  onDone(): bool {
    return true;
  }

  onDelete(): void {}

  vmStarted(size: u32): bool {
    return this.onStart(size);
  }

  configured(size: u32): bool {
    const bytes = getBuffer(BufferTypeValues.PluginConfiguration, 0, size);
    this.configuration = bytes == ABSENT ? "" : textOf(bytes);
    return this.onConfigure(size);
  }

  ticked(): void {
    this.onTick();
    noteGarbage(liveContexts());
  }

  finished(): bool {
    return this.onDone();
  }

  deleted(): void {
    this.onDelete();
  }

  streamCreated(id: u32): void {
    trackStream(id, this, keepContext(this.createContext(id)));
  }

  requestHeaders(_id: u32, state: usize, count: u32, endOfStream: bool): u32 {
    return contextAt(state).onRequestHeaders(count, endOfStream);
  }

  requestBody(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onRequestBody(size, endOfStream);
  }

  requestTrailers(_id: u32, state: usize, count: u32): u32 {
    return contextAt(state).onRequestTrailers(count);
  }

  responseHeaders(_id: u32, state: usize, count: u32, endOfStream: bool): u32 {
    return contextAt(state).onResponseHeaders(count, endOfStream);
  }

  responseBody(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onResponseBody(size, endOfStream);
  }

  responseTrailers(_id: u32, state: usize, count: u32): u32 {
    return contextAt(state).onResponseTrailers(count);
  }

  streamFinished(_id: u32, state: usize): bool {
    return contextAt(state).onDone();
  }

  streamLogged(_id: u32, state: usize): void {
    contextAt(state).onLog();
  }

  streamDeleted(_id: u32, state: usize): void {
    contextAt(state).onDelete();
    dropContext(state);
  }
}

/** A stream: one request and its response. */
export class Context {
  constructor(
    readonly context_id: u32,
    readonly root_context: RootContext,
  ) {}

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(_size: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onRequestTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  onResponseHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(_size: usize, _end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onResponseTrailers(_trailers: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  onDone(): bool {
    return true;
  }

  onLog(): void {}

  onDelete(): void {}
}

/** Makes `root_context_factory` answer to the root id `name` (Istio's `pluginName`). */
export function registerRootContext(
  root_context_factory: (context_id: u32) => RootContext,
  name: string,
): void {
  registerRoot(name, root_context_factory.index);
}

/** The live contexts of all streams; a context's state in the table of streams is its position. */
const contexts: (Context | null)[] = [];
/** Positions that are free. */
const vacant: u32[] = [];
function keepContext(context: Context): usize {
  if (vacant.length == 0) {
    contexts.push(context);
    return contexts.length - 1;
  }
  const position = vacant.pop();
  contexts[position] = context;
  return position;
}

// @ts-ignore: decorator
@inline
function contextAt(position: usize): Context {
  return contexts[<i32>position]!;
}

function liveContexts(): i32 {
  return contexts.length - vacant.length;
}

function dropContext(position: usize): void {
  contexts[<i32>position] = null;
  vacant.push(<u32>position);
  noteGarbage(liveContexts());
}
