import { noteGarbage } from "../abi/garbage";
import { Root } from "../abi/root";
import { registerRoot } from "../abi/roots";
import { trackStream } from "../abi/streams";
import { PeerTypeValues } from "../abi/values";
import { ABSENT, textOf } from "../bytes/bytes";
import { pluginRootId } from "../properties";
import { Context, RootContext } from "./contexts";

/** Which root contexts there are, and how callbacks reach them and their streams. */

class Registration {
  constructor(
    readonly name: string,
    readonly factory: (context_id: u32) => RootContext,
  ) {}
}

const registrations: Registration[] = [];

/** Makes the root context answer to the root id `name` (Istio's `pluginName`); a single one answers to any. */
export function registerRootContext(factory: (context_id: u32) => RootContext, name: string): void {
  registrations.push(new Registration(name, factory));
  const make: (id: u32) => Root = makeRoot;
  registerRoot(name, make.index);
}

/** `registerRoot` has found out that one of the names is the plugin's, or that there is only one. */
function makeRoot(id: u32): Root {
  const rootId = pluginRootId();
  const name = rootId == ABSENT ? "" : textOf(rootId);
  let at = 0;
  while (at < registrations.length - 1 && registrations[at].name != name) at++;
  const make = registrations[at].factory;
  return new ProxyRuntimeRoot(id, make(id));
}

/** Carries callbacks from this runtime to contexts of that one. */
class ProxyRuntimeRoot extends Root {
  constructor(
    id: u32,
    private readonly context: RootContext,
  ) {
    super(id);
    context.context_id = id;
  }

  vmStarted(size: u32): bool {
    return this.context.onStart(size);
  }

  configured(size: u32): bool {
    return this.context.configured(size);
  }

  ticked(): void {
    this.context.onTick();
    noteGarbage(liveContexts());
  }

  finished(): bool {
    return this.context.onDone();
  }

  deleted(): void {
    this.context.onDelete();
  }

  httpCallResponse(token: u32, headers: u32, bodySize: u32, trailers: u32): void {
    this.context.onHttpCallResponse(token, headers, bodySize, trailers);
    noteGarbage(liveContexts());
  }

  grpcInitialMetadata(token: u32, count: u32): void {
    this.context.on_grpc_receive_initial_metadata(token, count);
  }

  grpcReceived(token: u32, size: u32): void {
    this.context.on_grpc_receive(token, size);
    noteGarbage(liveContexts());
  }

  grpcTrailingMetadata(token: u32, count: u32): void {
    this.context.on_grpc_trailing_metadata(token, count);
  }

  grpcClosed(token: u32, status: u32): void {
    this.context.on_grpc_close(token, status);
    noteGarbage(liveContexts());
  }

  queueReady(token: u32): void {
    this.context.onQueueReady(token);
    noteGarbage(liveContexts());
  }

  streamCreated(id: u32): void {
    const context = this.context.createContext(id);
    context.context_id = id;
    trackStream(id, this, keepContext(context));
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

  newConnection(_id: u32, state: usize): u32 {
    return contextAt(state).onNewConnection();
  }

  downstreamData(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onDownstreamData(size, endOfStream);
  }

  upstreamData(_id: u32, state: usize, size: u32, endOfStream: bool): u32 {
    noteGarbage(liveContexts());
    return contextAt(state).onUpstreamData(size, endOfStream);
  }

  downstreamClosed(_id: u32, state: usize, peer: u32): void {
    contextAt(state).onDownstreamConnectionClose(<PeerTypeValues>peer);
  }

  upstreamClosed(_id: u32, state: usize, peer: u32): void {
    contextAt(state).onUpstreamConnectionClose(<PeerTypeValues>peer);
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
