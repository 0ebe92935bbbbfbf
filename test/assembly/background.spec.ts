import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../../assembly/abi/exports";
import { BufferTypeValues, FilterHeadersStatusValues, GrpcStatusValues } from "../../assembly/abi/values";
import { ABSENT } from "../../assembly/bytes/bytes";
import { Filter, keepRecords, reply, Verdict } from "../../assembly/filter";
import { registerFilter } from "../../assembly/filter-root";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { RequestView } from "../../assembly/request-view";
import { ResponseView } from "../../assembly/response-view";
import { registerSuite } from "../../assembly/suite";
import { CallAnswer, callGrpc, callGrpcInBackground, keepAsking } from "../../assembly/waiting";
import { host, hostForgets, hostHasBuffer, hostHasHeaders, hostHasProperty, resetHost } from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

const X_ASK = bytes("x-ask");
const X_NOTE = bytes("x-note");
const X_DENY = bytes("x-deny");
const X_WAIT = bytes("x-wait");

/** What the filters were told, in order. */
let told = "";

/**
 * Asks in the background about requests with `x-ask`, leaves its number as a note for those with `x-note`, and lets those with `x-wait` wait
 * for an answer, when it says that they have ended.
 */
class Asking extends Filter {
  private number: u32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "number")) return;
    this.number = reader.integer(reader.member(config, "number")!, 1, 9);
    keepRecords();
    keepAsking();
  }

  onRequest(request: RequestView): Verdict {
    if (request.headers.has(X_NOTE)) request.note = this.number;
    if (request.headers.has(X_ASK)) this.ask();
    if (request.headers.has(X_WAIT)) {
      callGrpc(bytes("c"), bytes("S"), bytes("M"), ABSENT, bytes("x"), 50, 60 + this.number);
      return Verdict.Wait;
    }
    if (!request.headers.has(X_DENY)) return Verdict.Continue;
    reply.status = 429;
    reply.details = bytes("asking:denied");
    reply.body = ABSENT;
    reply.headers = ABSENT;
    if (this.number == 2) reply.grpcStatus = GrpcStatusValues.ResourceExhausted;
    return Verdict.Reply;
  }

  onAnswer(_request: RequestView, answer: CallAnswer): Verdict {
    told += "ended " + answer.memo.toString() + ";";
    return Verdict.Ended;
  }

  onTick(): void {
    if (this.number == 3) this.ask();
  }

  onResponse(_response: ResponseView, note: u32): void {
    told += "response " + note.toString() + ";";
  }

  onForgotten(note: u32): void {
    told += "forgotten " + note.toString() + ";";
  }

  onBackground(answer: CallAnswer): void {
    told +=
      "answer " +
      this.number.toString() +
      " " +
      answer.status.toString() +
      " " +
      answer.memo.toString() +
      ";";
  }

  private ask(): void {
    callGrpcInBackground(bytes("c"), bytes("S"), bytes("M"), ABSENT, bytes("x"), 50, 40 + this.number);
  }
}

registerFilter("asking", () => new Asking());
registerSuite();

const TWO = '{"filters":[{"asking":{"number":1}},{"asking":{"number":2}}]}';

function plugin(configuration: string): void {
  hostHasProperty("plugin_root_id", bytes("suite"));
  proxy_on_context_create(1, 0);
  configure(configuration);
}

function configure(configuration: string): void {
  const document = bytes(configuration);
  hostHasBuffer(BufferTypeValues.PluginConfiguration, document);
  same(proxy_on_configure(1, <u32>document), true);
}

function request(id: u32, lines: string): u32 {
  hostHasHeaders(":method=GET\n" + lines);
  proxy_on_context_create(id, 1);
  return proxy_on_request_headers(id, 1, 1);
}

describe("a call in the background", () => {
  beforeEach(() => {
    resetHost();
    told = "";
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("holds no request, and brings its answer to the filter that has asked", () => {
    plugin(TWO);
    expect(request(20, "x-ask=1")).toBe(<u32>FilterHeadersStatusValues.Continue);
    proxy_on_grpc_receive(1, 9, 0);
    proxy_on_grpc_close(1, 5, 14);
    expect(told).toBe("answer 2 0 42;answer 1 14 41;");
    expect(host("effects")).toBe("");
    proxy_on_grpc_receive(1, 9, 0);
    expect(told).toBe("answer 2 0 42;answer 1 14 41;");
  });

  it("can be sent on a tick", () => {
    plugin('{"filters":[{"asking":{"number":1}},{"asking":{"number":3}}]}');
    proxy_on_tick(1);
    proxy_on_grpc_receive(1, 5, 0);
    expect(told).toBe("answer 3 0 43;");
  });

  it("brings nothing to a configuration that came later", () => {
    plugin(TWO);
    request(20, "x-ask=1");
    configure(TWO);
    proxy_on_grpc_receive(1, 5, 0);
    expect(told).toBe("");
  });
});

describe("an answer that a request has waited for", () => {
  beforeEach(() => {
    resetHost();
    told = "";
    plugin(TWO);
    expect(request(20, "x-wait=1")).toBe(<u32>FilterHeadersStatusValues.StopIteration);
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("is one in the background when the host knows the request's stream no more", () => {
    hostForgets(20);
    proxy_on_grpc_close(1, 5, 14);
    expect(told).toBe("answer 1 14 61;");
    expect(host("effects")).toBe("");
  });

  it("changes nothing where the filter says that the request has been answered meanwhile", () => {
    proxy_on_grpc_receive(1, 5, 0);
    expect(told).toBe("ended 61;");
    expect(host("effects")).toBe("effective 20");
    expect(host("responses")).toBe("");
  });
});

describe("a note that stands for a record", () => {
  beforeEach(() => {
    resetHost();
    told = "";
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("is told of once: with the response, or when there will be none", () => {
    plugin(TWO);
    request(20, "x-note=1");
    request(21, "x-note=1");
    proxy_on_response_headers(20, 0, 1);
    expect(told).toBe("response 2;response 1;");
    proxy_on_delete(21);
    expect(told).toBe("response 2;response 1;forgotten 1;forgotten 2;");
    proxy_on_delete(20);
    expect(told).toBe("response 2;response 1;forgotten 1;forgotten 2;");
  });

  it("is forgotten with the configuration", () => {
    plugin(TWO);
    request(20, "x-note=1");
    configure(TWO);
    expect(told).toBe("forgotten 1;forgotten 2;");
  });
});

describe("a reply", () => {
  it("has a gRPC status of its own, and the next one has not", () => {
    resetHost();
    plugin('{"filters":[{"asking":{"number":2}}]}');
    request(20, "x-deny=1");
    plugin('{"filters":[{"asking":{"number":1}}]}');
    request(21, "x-deny=1");
    expect(host("responses")).toBe("429 asking:denied  8\n429 asking:denied  -1");
  });
});
