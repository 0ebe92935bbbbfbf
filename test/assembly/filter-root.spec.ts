import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_done,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../../assembly/abi/exports";
import { BufferTypeValues, FilterHeadersStatusValues } from "../../assembly/abi/values";
import { ABSENT, Bytes, equals } from "../../assembly/bytes/bytes";
import { Filter, keepAnsweringFailures, reply, Verdict } from "../../assembly/filter";
import { registerFilter } from "../../assembly/filter-root";
import { registerSuite } from "../../assembly/suite";
import { count, defineCounter } from "../../assembly/host/metrics";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { RequestView } from "../../assembly/request-view";
import {
  callsOf,
  host,
  hostForgets,
  hostHasBuffer,
  hostHasHeaders,
  hostHasProperty,
  resetHost,
} from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

const X_SEEN = bytes("x-seen");
const X_DENY = bytes("x-deny");

/** Adds its word to a header. */
class AddWord extends Filter {
  private word: Bytes = ABSENT;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "word")) return;
    const word = reader.member(config, "word");
    if (word == null) reader.missing(config, "word", "a word");
    else this.word = reader.text(word);
  }

  onRequest(request: RequestView): Verdict {
    request.headers.add(X_SEEN, this.word);
    count(defineCounter("words"));
    return Verdict.Continue;
  }
}

/** Denies where the words so far are the header `x-deny`. */
class DenyWords extends Filter {
  configure(config: JsonNode, reader: ConfigReader): void {
    reader.object(config, "");
  }

  onRequest(request: RequestView): Verdict {
    if (!equals(request.headers.get(X_SEEN), request.headers.get(X_DENY))) return Verdict.Continue;
    reply.status = 403;
    reply.details = bytes("deny-words:seen");
    reply.body = bytes("no");
    reply.headers = ABSENT;
    return Verdict.Reply;
  }
}

/** Has an answer of its own to a request that cannot be decided. */
class FailClosed extends Filter {
  configure(config: JsonNode, reader: ConfigReader): void {
    keepAnsweringFailures();
    reader.object(config, "");
  }

  onRequest(_request: RequestView): Verdict {
    return Verdict.Continue;
  }

  onFailure(): bool {
    reply.status = 403;
    reply.details = bytes("fail-closed:error");
    reply.body = bytes("closed");
    reply.headers = ABSENT;
    return true;
  }
}

registerFilter("add-word", () => new AddWord());
registerFilter("deny-words", () => new DenyWords());
registerFilter("fail-closed", () => new FailClosed());
registerSuite();

/** Makes the root context `id` for `rootId`; answers whether it takes the configuration. */
function plugin(id: u32, rootId: string, configuration: string): bool {
  hostHasProperty("plugin_root_id", bytes(rootId));
  proxy_on_context_create(id, 0);
  return configure(id, configuration);
}

function configure(id: u32, configuration: string): bool {
  const document = bytes(configuration);
  hostHasBuffer(BufferTypeValues.PluginConfiguration, document);
  return proxy_on_configure(id, <u32>document);
}

/** A request as stream `id` of the root context `root`; answers the status. */
function request(id: u32, root: u32, lines: string): u32 {
  hostHasHeaders(lines);
  proxy_on_context_create(id, root);
  return proxy_on_request_headers(id, 1, 1);
}

const CONTINUE: u32 = FilterHeadersStatusValues.Continue;
const STOP: u32 = FilterHeadersStatusValues.StopIteration;

describe("a plugin", () => {
  beforeEach(() => {
    resetHost();
  });

  afterEach(() => {
    for (let id: u32 = 1; id < 10; id++) proxy_on_delete(id);
  });

  it("runs the filter that its root id names", () => {
    expect(plugin(1, "add-word", '{"word":"one"}')).toBe(true);
    expect(request(20, 1, ":method=GET")).toBe(CONTINUE);
    expect(host("headers 0")).toBe(":method=GET\nx-seen=one");
    expect(callsOf("proxy_get_header_map_pairs")).toBe(1);
  });

  it("is refused under a root id that no filter has, and says so", () => {
    expect(plugin(1, "nothing", "{}")).toBe(false);
    expect(host("logs")).toBe("4 no filter of this name (root_id, Istio's pluginName)");
    expect(request(20, 1, ":method=GET")).toBe(STOP);
  });

  it("is refused with a configuration that is wrong, and says all that is wrong", () => {
    expect(plugin(1, "add-word", '{"word":1,"x":2}')).toBe(false);
    expect(host("logs")).toBe(
      "4 configuration refused:\nx: unknown field; expected word\nword: expected a string, got 1",
    );
  });

  it("is refused with a configuration that is no JSON, or none at all", () => {
    expect(plugin(1, "add-word", '{"word":')).toBe(false);
    expect(host("logs")).toBe("4 configuration refused: line 1, column 9: expected a value");
    expect(plugin(2, "add-word", "")).toBe(false);
    expect(host("logs").endsWith("\n4 configuration refused: empty; expected a JSON object")).toBe(true);
  });

  it("keeps what it had when an update is refused, and takes one that is right", () => {
    plugin(1, "add-word", '{"word":"old"}');
    expect(configure(1, '{"word":5}')).toBe(false);
    request(20, 1, ":method=GET");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=old");
    expect(configure(1, '{"word":"new"}')).toBe(true);
    request(21, 1, ":method=GET");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=new");
  });

  it("has a configuration of its own beside others in the VM", () => {
    plugin(1, "add-word", '{"word":"one"}');
    plugin(2, "add-word", '{"word":"two"}');
    request(20, 1, ":method=GET");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=one");
    request(21, 2, ":method=GET");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=two");
    proxy_on_delete(1);
    request(22, 2, ":method=GET");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=two");
  });

  it("is told apart from others in whatever order their streams come", () => {
    const words = ["", "one", "two", "three"];
    for (let id: u32 = 1; id <= 3; id++) plugin(id, "add-word", `{"word":"${words[id]}"}`);
    const order: u32[] = [1, 2, 3, 1, 3, 2, 1, 1, 3, 3, 2, 2];
    for (let at = 0; at < order.length; at++) {
      request(20 + at, order[at], ":method=GET");
      same(host("headers 0"), ":method=GET\nx-seen=" + words[order[at]]);
    }
    proxy_on_delete(2);
    for (let at = 0; at < order.length; at++) {
      const gone = order[at] == 2;
      same(request(40 + at, order[at], ":method=GET"), gone ? STOP : CONTINUE);
      same(host("headers 0"), gone ? ":method=GET" : ":method=GET\nx-seen=" + words[order[at]]);
    }
  });

  it("decides nothing any more once it is deleted", () => {
    plugin(1, "add-word", '{"word":"one"}');
    proxy_on_delete(1);
    expect(request(20, 1, ":method=GET")).toBe(STOP);
    expect(host("headers 0")).toBe(":method=GET");
  });

  it("denies a request whose headers cannot be read, or that has no method", () => {
    plugin(1, "add-word", '{"word":"one"}');
    proxy_on_context_create(20, 1);
    expect(proxy_on_request_headers(20, 0, 1)).toBe(STOP);
    expect(request(21, 1, ":path=/")).toBe(STOP);
    expect(host("responses")).toBe("500 outrigger:internal  -1\n500 outrigger:internal  -1");
  });

  it("lets a filter that has words for it say them", () => {
    plugin(1, "suite", '{"filters":[{"addWord":{"word":"one"}},{"failClosed":{}}]}');
    proxy_on_context_create(20, 1);
    expect(proxy_on_request_headers(20, 0, 1)).toBe(STOP);
    expect(host("responses")).toBe("403 fail-closed:error closed -1");
  });

  it("is forgotten on the second tick of another, once the host has deleted it, and no sooner", () => {
    for (let id: u32 = 1; id <= 3; id++) plugin(id, "add-word", '{"word":"one"}');
    // All tick, in an order of their own each time.
    for (let at = 0; at < 20; at++) {
      for (let turn = 0; turn < 3; turn++) proxy_on_tick(((at % 2 == 0 ? turn : 2 - turn) % 3) + 1);
    }
    for (let id: u32 = 1; id <= 3; id++) same(request(20 + id, id, ":method=GET"), CONTINUE);
    hostForgets(2);
    expect(request(30, 2, ":method=GET")).toBe(CONTINUE);
    proxy_on_tick(1);
    proxy_on_tick(1);
    expect(request(31, 2, ":method=GET")).toBe(STOP);
    expect(request(32, 1, ":method=GET")).toBe(CONTINUE);
    expect(request(33, 3, ":method=GET")).toBe(CONTINUE);
    expect(host("effects").endsWith("effective 1")).toBe(true);
  });

  it("is forgotten before another configuration is read", () => {
    for (let id: u32 = 1; id <= 3; id++) plugin(id, "add-word", '{"word":"one"}');
    hostForgets(2);
    hostForgets(1);
    plugin(4, "add-word", '{"word":"four"}');
    expect(request(20, 1, ":method=GET")).toBe(STOP);
    expect(request(21, 2, ":method=GET")).toBe(STOP);
    expect(request(22, 3, ":method=GET")).toBe(CONTINUE);
    expect(request(23, 4, ":method=GET")).toBe(CONTINUE);
  });

  it("flushes counters on its tick", () => {
    plugin(1, "add-word", '{"word":"one"}');
    expect(host("tick")).toBe("1000");
    request(20, 1, ":method=GET");
    request(21, 1, ":method=GET");
    const before = callsOf("proxy_increment_metric");
    proxy_on_tick(1);
    expect(callsOf("proxy_increment_metric")).toBe(before + 1);
  });
});

describe("a suite", () => {
  beforeEach(() => {
    resetHost();
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("runs its filters in order, repeats too, each seeing what those before did, with one read of the headers", () => {
    const filters =
      '{"filters":[{"addWord":{"word":"a"}},{"denyWords":{}},{"addWord":{"word":"b"}},{"denyWords":{}}]}';
    expect(plugin(1, "suite", filters)).toBe(true);
    expect(request(20, 1, ":method=GET\nx-deny=z")).toBe(CONTINUE);
    expect(host("headers 0")).toBe(":method=GET\nx-deny=z\nx-seen=a\nx-seen=b");
    expect(callsOf("proxy_get_header_map_pairs")).toBe(1);
  });

  it("ends with the first filter that replies", () => {
    const filters = '{"filters":[{"addWord":{"word":"a"}},{"denyWords":{}},{"addWord":{"word":"b"}}]}';
    plugin(1, "suite", filters);
    expect(request(20, 1, ":method=GET\nx-deny=a")).toBe(STOP);
    expect(host("headers 0")).toBe(":method=GET\nx-deny=a\nx-seen=a");
    expect(host("responses")).toBe("403 deny-words:seen no -1");
  });

  it("is refused with filters that are unknown, doubled in one object or wrong, each with its path", () => {
    const filters =
      '{"filters":[{"addWord":{"word":1}},{"authz":{}},{},{"addWord":{"word":"a"},"denyWords":{}},3]}';
    expect(plugin(1, "suite", filters)).toBe(false);
    expect(host("logs")).toBe(
      "4 configuration refused:\nfilters[0].addWord.word: expected a string, got 1\n" +
        "filters[1].authz: unknown field; expected addWord, denyWords or failClosed\n" +
        "filters[2]: expected exactly one of addWord, denyWords or failClosed\n" +
        "filters[3]: expected exactly one of addWord, denyWords or failClosed\n" +
        "filters[4]: expected an object, got 3",
    );
  });

  it("needs its list of filters", () => {
    expect(plugin(1, "suite", "{}")).toBe(false);
    expect(host("logs").startsWith("4 configuration refused:\nfilters: required; expected a list")).toBe(
      true,
    );
  });
});

describe("callbacks for contexts that nobody knows", () => {
  it("change nothing and do not trap", () => {
    resetHost();
    expect(proxy_on_request_headers(4711, 1, 1)).toBe(STOP);
    expect(proxy_on_response_headers(4711, 1, 1)).toBe(CONTINUE);
    expect(proxy_on_done(4711)).toBe(true);
    expect(proxy_on_configure(4711, 0)).toBe(false);
    proxy_on_tick(4711);
    proxy_on_delete(4711);
    proxy_on_context_create(4712, 4711);
    expect(proxy_on_request_headers(4712, 1, 1)).toBe(STOP);
    expect(host("responses")).toBe("");
  });
});
