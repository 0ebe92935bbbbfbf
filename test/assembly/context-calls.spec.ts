import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_downstream_connection_close,
  proxy_on_downstream_data,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_grpc_receive_initial_metadata,
  proxy_on_grpc_receive_trailing_metadata,
  proxy_on_http_call_response,
  proxy_on_new_connection,
  proxy_on_queue_ready,
  proxy_on_upstream_connection_close,
  proxy_on_upstream_data,
} from "../../assembly/abi/exports";
import {
  FilterStatusValues,
  HeaderMapTypeValues,
  PeerTypeValues,
  WasmResultValues,
} from "../../assembly/abi/values";
import { Context, registerRootContext, RootContext } from "../../assembly/context";
import { HeaderPair, stream_context } from "../../assembly/stream-context";
import { host, hostAnswersCalls, hostForgets, hostHasHeaders, resetHost } from "./mock-host";
import { same } from "./same";

/** What the contexts were told. */
let told: string[] = [];

class CallingRoot extends RootContext {
  createContext(id: u32): Context {
    return new CallingContext(id, this);
  }

  onHttpCallResponse(token: u32, headers: u32, size: u32, trailers: u32): void {
    told.push(`root answer ${token} ${headers} ${size} ${trailers}`);
  }

  onGrpcReceiveInitialMetadata(token: u32, count: u32): void {
    told.push(`metadata ${token} ${count}`);
  }

  onGrpcReceive(token: u32, size: u32): void {
    told.push(`message ${token} ${size}`);
  }

  onGrpcReceiveTrailingMetadata(token: u32, count: u32): void {
    told.push(`trailers ${token} ${count}`);
  }

  onGrpcClose(token: u32, status: u32): void {
    told.push(`close ${token} ${status}`);
  }

  onQueueReady(token: u32): void {
    told.push(`queue ${token}`);
  }
}

class CallingContext extends Context {
  call(): WasmResultValues {
    const headers = [new HeaderPair(":method", "GET")];
    return this.root_context.httpCall(
      "c",
      headers,
      new ArrayBuffer(0),
      [],
      100,
      this,
      (context, count, size, trailers) => {
        const status = stream_context.headers.http_callback.get(":status");
        told.push(`${context.context_id} ${status} ${count} ${<u32>size} ${trailers}`);
      },
    );
  }

  onNewConnection(): FilterStatusValues {
    told.push(`${this.context_id} connected`);
    return FilterStatusValues.StopIteration;
  }

  onDownstreamData(size: usize, end: bool): FilterStatusValues {
    told.push(`${this.context_id} down ${<u32>size} ${end}`);
    return FilterStatusValues.StopIteration;
  }

  onUpstreamData(size: usize, end: bool): FilterStatusValues {
    told.push(`${this.context_id} up ${<u32>size} ${end}`);
    return FilterStatusValues.Continue;
  }

  onDownstreamConnectionClose(peer: PeerTypeValues): void {
    told.push(`${this.context_id} down closed ${<i32>peer}`);
  }

  onUpstreamConnectionClose(peer: PeerTypeValues): void {
    told.push(`${this.context_id} up closed ${<i32>peer}`);
  }
}

let last: CallingContext | null = null;

class KeepingRoot extends CallingRoot {
  createContext(id: u32): Context {
    const context = new CallingContext(id, this);
    last = context;
    return context;
  }
}

registerRootContext((id) => new KeepingRoot(id), "calling");

function stream(id: u32): CallingContext {
  proxy_on_context_create(id, 1);
  return last!;
}

function answered(token: u32): void {
  hostHasHeaders(":status=200", HeaderMapTypeValues.HttpCallResponseHeaders);
  proxy_on_http_call_response(1, token, 1, 2, 3);
}

describe("a context", () => {
  beforeEach(() => {
    resetHost();
    told = [];
    proxy_on_context_create(1, 0);
    proxy_on_configure(1, 0);
  });

  afterEach(() => {
    last = null;
    proxy_on_delete(1);
  });

  it("gets the answer to its call, in its own name, once", () => {
    same(stream(20).call(), WasmResultValues.Ok);
    expect(host("sent")).toBe("http c 100 :method=GET ");
    answered(4);
    same(told.join("\n"), "20 200 1 2 3");
    expect(host("effects")).toBe("effective 20");
    answered(4);
    same(told.join("\n"), "20 200 1 2 3\nroot answer 4 1 2 3");
    proxy_on_delete(20);
  });

  it("gets each its own", () => {
    const one = stream(20);
    const two = stream(21);
    one.call();
    two.call();
    answered(8);
    answered(4);
    same(told.join("\n"), "21 200 1 2 3\n20 200 1 2 3");
    proxy_on_delete(20);
    proxy_on_delete(21);
  });

  it("gets nothing once it is gone, nor does its root", () => {
    stream(20).call();
    proxy_on_delete(20);
    answered(4);
    const forgotten = stream(21);
    forgotten.call();
    hostForgets(21);
    answered(8);
    same(told.length, 0);
    proxy_on_delete(21);
  });

  it("is told when nothing could be sent", () => {
    hostAnswersCalls(WasmResultValues.BadArgument);
    same(stream(20).call(), WasmResultValues.BadArgument);
    proxy_on_delete(20);
  });

  it("that is a root gets what comes of gRPC and queues", () => {
    proxy_on_grpc_receive_initial_metadata(1, 6, 2);
    proxy_on_grpc_receive(1, 6, 10);
    proxy_on_grpc_receive_trailing_metadata(1, 6, 1);
    proxy_on_grpc_close(1, 6, 14);
    proxy_on_queue_ready(1, 3);
    same(told.join("\n"), "metadata 6 2\nmessage 6 10\ntrailers 6 1\nclose 6 14\nqueue 3");
  });

  it("that is a connection gets what passes on it", () => {
    proxy_on_context_create(20, 1);
    same(proxy_on_new_connection(20), <u32>FilterStatusValues.StopIteration);
    same(proxy_on_downstream_data(20, 5, 0), <u32>FilterStatusValues.StopIteration);
    same(proxy_on_upstream_data(20, 6, 1), <u32>FilterStatusValues.Continue);
    proxy_on_downstream_connection_close(20, 2);
    proxy_on_upstream_connection_close(20, 1);
    proxy_on_delete(20);
    same(told.join("\n"), "20 connected\n20 down 5 false\n20 up 6 true\n20 down closed 2\n20 up closed 1");
  });

  it("that nobody knows is told nothing, and does not trap", () => {
    proxy_on_http_call_response(4711, 4, 1, 1, 1);
    proxy_on_grpc_close(4711, 5, 0);
    proxy_on_queue_ready(4711, 1);
    proxy_on_downstream_connection_close(4711, 1);
    same(proxy_on_new_connection(4711), <u32>FilterStatusValues.StopIteration);
    same(proxy_on_downstream_data(4711, 1, 0), <u32>FilterStatusValues.Continue);
    same(proxy_on_upstream_data(4711, 1, 0), <u32>FilterStatusValues.Continue);
    same(told.length, 0);
  });
});
