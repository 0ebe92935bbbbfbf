import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_done,
  proxy_on_log,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_request_trailers,
  proxy_on_response_body,
  proxy_on_response_headers,
  proxy_on_response_trailers,
  proxy_on_tick,
  proxy_on_vm_start,
} from "../../assembly/abi/exports";
import {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
} from "../../assembly/abi/values";
import { Context, registerRootContext, RootContext } from "../../assembly/context";
import { hostHasBuffer, hostHasProperty, resetHost } from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

/** What the contexts were told. */
let told: string[] = [];

class NotingRoot extends RootContext {
  createContext(id: u32): Context {
    return new NotingContext(id, this);
  }

  onStart(size: usize): bool {
    told.push(`root ${this.context_id} start ${size}`);
    return true;
  }

  onConfigure(size: usize): bool {
    told.push(`root ${this.context_id} configure ${size} ${this.getConfiguration()}`);
    return this.getConfiguration() != "refuse";
  }

  onTick(): void {
    told.push(`root ${this.context_id} tick`);
  }

  onDone(): bool {
    told.push(`root ${this.context_id} done`);
    return false;
  }

  onDelete(): void {
    told.push(`root ${this.context_id} delete`);
  }
}

class NotingContext extends Context {
  /** Made on the managed heap: lost if the collector took the context. */
  private readonly name: string;

  constructor(id: u32, root: RootContext) {
    super(id, root);
    this.name = `stream ${id} of ${root.context_id}`;
  }

  onRequestHeaders(headers: u32, end: bool): FilterHeadersStatusValues {
    told.push(`${this.name} request headers ${headers} ${end}`);
    return FilterHeadersStatusValues.StopIteration;
  }

  onRequestBody(size: usize, end: bool): FilterDataStatusValues {
    told.push(`${this.name} request body ${size} ${end}`);
    return FilterDataStatusValues.StopIterationAndBuffer;
  }

  onRequestTrailers(trailers: u32): FilterTrailersStatusValues {
    told.push(`${this.name} request trailers ${trailers}`);
    return FilterTrailersStatusValues.StopIteration;
  }

  onResponseHeaders(headers: u32, end: bool): FilterHeadersStatusValues {
    told.push(`${this.name} response headers ${headers} ${end}`);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    told.push(`${this.name} response body ${size} ${end}`);
    return FilterDataStatusValues.Continue;
  }

  onResponseTrailers(trailers: u32): FilterTrailersStatusValues {
    told.push(`${this.name} response trailers ${trailers}`);
    return FilterTrailersStatusValues.Continue;
  }

  onDone(): bool {
    told.push(`${this.name} done`);
    return false;
  }

  onLog(): void {
    told.push(`${this.name} log`);
  }

  onDelete(): void {
    told.push(`${this.name} delete`);
  }
}

class SilentRoot extends RootContext {}

registerRootContext((id) => new NotingRoot(id), "noting");
registerRootContext((id) => new SilentRoot(id), "silent");

function rootContext(id: u32, name: string): void {
  hostHasProperty("plugin_root_id", bytes(name));
  proxy_on_context_create(id, 0);
}

describe("contexts of a developer's filter", () => {
  beforeEach(() => {
    resetHost();
    told = [];
  });

  afterEach(() => {
    proxy_on_delete(1);
    proxy_on_delete(2);
  });

  it("are told of a plugin's life", () => {
    rootContext(1, "noting");
    hostHasBuffer(BufferTypeValues.PluginConfiguration, bytes("text é"));
    expect(proxy_on_vm_start(1, 3)).toBe(true);
    expect(proxy_on_configure(1, 7)).toBe(true);
    proxy_on_tick(1);
    expect(proxy_on_done(1)).toBe(false);
    proxy_on_delete(1);
    proxy_on_tick(1);
    expect(told.join("\n")).toBe(
      "root 1 start 3\nroot 1 configure 7 text é\nroot 1 tick\nroot 1 done\nroot 1 delete",
    );
  });

  it("may refuse a configuration, and have none", () => {
    rootContext(1, "noting");
    hostHasBuffer(BufferTypeValues.PluginConfiguration, bytes("refuse"));
    expect(proxy_on_configure(1, 6)).toBe(false);
    resetHost();
    expect(proxy_on_configure(1, 0)).toBe(true);
    expect(told[1]).toBe("root 1 configure 0 ");
  });

  it("are told of a stream's life, and their answers reach the host", () => {
    rootContext(1, "noting");
    proxy_on_context_create(20, 1);
    expect(proxy_on_request_headers(20, 5, 0)).toBe(FilterHeadersStatusValues.StopIteration);
    expect(proxy_on_request_body(20, 100, 0)).toBe(FilterDataStatusValues.StopIterationAndBuffer);
    expect(proxy_on_request_trailers(20, 2)).toBe(FilterTrailersStatusValues.StopIteration);
    expect(proxy_on_response_headers(20, 6, 0)).toBe(FilterHeadersStatusValues.Continue);
    expect(proxy_on_response_body(20, 7, 1)).toBe(FilterDataStatusValues.Continue);
    expect(proxy_on_response_trailers(20, 3)).toBe(FilterTrailersStatusValues.Continue);
    expect(proxy_on_done(20)).toBe(false);
    proxy_on_log(20);
    proxy_on_delete(20);
    proxy_on_log(20);
    const stream = "stream 20 of 1 ";
    expect(told.join("\n")).toBe(
      `${stream}request headers 5 false\n${stream}request body 100 false\n${stream}request trailers 2\n` +
        `${stream}response headers 6 false\n${stream}response body 7 true\n${stream}response trailers 3\n` +
        `${stream}done\n${stream}log\n${stream}delete`,
    );
  });

  it("that override nothing let everything pass", () => {
    rootContext(2, "silent");
    proxy_on_context_create(20, 2);
    expect(proxy_on_request_headers(20, 5, 0)).toBe(FilterHeadersStatusValues.Continue);
    expect(proxy_on_request_body(20, 5, 0)).toBe(FilterDataStatusValues.Continue);
    expect(proxy_on_response_headers(20, 5, 0)).toBe(FilterHeadersStatusValues.Continue);
    expect(proxy_on_done(20)).toBe(true);
    proxy_on_delete(20);
    expect(told.length).toBe(0);
  });

  it("are not mixed up when thousands come and go between two plugins, through collections", () => {
    rootContext(1, "noting");
    rootContext(2, "noting");
    for (let id: u32 = 100; id < 5100; id++) {
      proxy_on_context_create(id, 1 + (id & 1));
      if (id >= 150) {
        const older = id - 50 + (id % 7);
        told = [];
        proxy_on_response_headers(older, id, 1);
        same(told.join(), `stream ${older} of ${1 + (older & 1)} response headers ${id} true`);
        proxy_on_delete(id - 50);
      }
    }
    __collect();
    for (let id: u32 = 5050; id < 5100; id++) {
      told = [];
      proxy_on_log(id);
      proxy_on_delete(id);
      same(told.join(), `stream ${id} of ${1 + (id & 1)} log,stream ${id} of ${1 + (id & 1)} delete`);
    }
    told = [];
    proxy_on_log(5099);
    expect(told.length).toBe(0);
  });
});
