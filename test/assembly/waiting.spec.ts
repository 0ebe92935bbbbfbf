import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_http_call_response,
  proxy_on_request_headers,
} from "../../assembly/abi/exports";
import {
  BufferTypeValues,
  FilterHeadersStatusValues,
  HeaderMapTypeValues,
  WasmResultValues,
} from "../../assembly/abi/values";
import { ABSENT, Bytes, equals } from "../../assembly/bytes/bytes";
import { Filter, reply, Verdict } from "../../assembly/filter";
import { registerFilter } from "../../assembly/filter-root";
import { pairs } from "../../assembly/host/pairs";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { RequestView } from "../../assembly/request-view";
import { registerSuite } from "../../assembly/suite";
import { CallAnswer, callGrpc, callHttp } from "../../assembly/waiting";
import {
  host,
  hostAnswersCalls,
  hostForgets,
  hostHasBuffer,
  hostHasHeaders,
  hostHasProperty,
  resetHost,
} from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

const METHOD = bytes(":method");
const X_ASK = bytes("x-ask");
const GRPC = bytes("grpc");
const NOTHING = bytes("nothing");
const AGAIN = bytes("again");
const NOTED = bytes("noted");
const X_ANSWER = bytes("x-answer");
const X_SEEN = bytes("x-seen");

/** Asks about each request with `x-ask`, and says in a header what came of it. */
class Asking extends Filter {
  configure(config: JsonNode, reader: ConfigReader): void {
    reader.object(config, "");
  }

  onRequest(request: RequestView): Verdict {
    const ask = request.headers.get(X_ASK);
    if (ask == ABSENT) return Verdict.Continue;
    if (equals(ask, NOTHING)) return Verdict.Wait;
    if (equals(ask, NOTED)) request.note = 7;
    return this.ask(ask, 41);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    let said = answer.status.toString() + " " + answer.memo.toString();
    if (request.note != 0) said += " note " + request.note.toString();
    if (answer.status == 403 || answer.status == 7) {
      reply.status = 403;
      reply.details = bytes("asking:denied " + said);
      reply.body = answer.status == 7 ? answer.message : answer.body();
      reply.headers = ABSENT;
      return Verdict.Reply;
    }
    request.headers.add(X_ANSWER, bytes(said));
    const ask = request.headers.get(X_ASK);
    return equals(ask, AGAIN) && answer.memo == 41 ? this.ask(ask, 42) : Verdict.Continue;
  }

  private ask(what: Bytes, memo: u32): Verdict {
    const sent = equals(what, GRPC)
      ? callGrpc(bytes("c"), bytes("S"), bytes("M"), ABSENT, what, 50, memo)
      : callHttp(bytes("c"), pairs.begin().add(METHOD, what).finish(), bytes("b"), 50, memo);
    if (sent) return Verdict.Wait;
    reply.status = 503;
    reply.details = bytes("asking:not-sent");
    reply.body = ABSENT;
    reply.headers = ABSENT;
    return Verdict.Reply;
  }
}

class Marking extends Filter {
  configure(config: JsonNode, reader: ConfigReader): void {
    reader.object(config, "");
  }

  onRequest(request: RequestView): Verdict {
    request.headers.add(X_SEEN, bytes("1"));
    return Verdict.Continue;
  }
}

registerFilter("asking", () => new Asking());
registerFilter("marking", () => new Marking());
registerSuite();

function plugin(id: u32): void {
  hostHasProperty("plugin_root_id", bytes("suite"));
  const document = bytes('{"filters":[{"marking":{}},{"asking":{}},{"marking":{}}]}');
  hostHasBuffer(BufferTypeValues.PluginConfiguration, document);
  proxy_on_context_create(id, 0);
  same(proxy_on_configure(id, <u32>document), true);
}

function request(id: u32, lines: string): u32 {
  hostHasHeaders(lines);
  proxy_on_context_create(id, 1);
  return proxy_on_request_headers(id, 1, 1);
}

/** The call `token` is answered with this status. */
function answered(token: u32, status: string, body: string = ""): void {
  hostHasHeaders(":status=" + status, HeaderMapTypeValues.HttpCallResponseHeaders);
  hostHasBuffer(BufferTypeValues.HttpCallResponseBody, bytes(body));
  proxy_on_http_call_response(1, token, 1, body.length, 0);
}

const CONTINUE: u32 = FilterHeadersStatusValues.Continue;
const STOP: u32 = FilterHeadersStatusValues.StopIteration;

describe("a filter that waits", () => {
  beforeEach(() => {
    resetHost();
    plugin(1);
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("finds the note that it has left, and others find none", () => {
    request(21, ":method=GET\nx-ask=noted");
    request(22, ":method=GET\nx-ask=ann");
    answered(4, "200");
    expect(host("headers 0")).toBe(":method=GET\nx-ask=ann\nx-seen=1\nx-answer=200 41 note 7\nx-seen=1");
    hostHasHeaders(":method=GET");
    answered(8, "200");
    expect(host("headers 0")).toBe(":method=GET\nx-answer=200 41\nx-seen=1");
  });

  it("holds its request, and gets the answer in the stream's name, once", () => {
    expect(request(20, ":method=GET\nx-ask=ann")).toBe(STOP);
    expect(host("sent")).toBe("http c 50 :method=ann b");
    expect(host("headers 0")).toBe(":method=GET\nx-ask=ann\nx-seen=1");
    answered(4, "200");
    expect(host("headers 0")).toBe(":method=GET\nx-ask=ann\nx-seen=1\nx-answer=200 41\nx-seen=1");
    expect(host("effects")).toBe("effective 20\ncontinue 0");
    answered(4, "200");
    expect(host("effects")).toBe("effective 20\ncontinue 0");
  });

  it("does not hold others", () => {
    expect(request(20, ":method=GET")).toBe(CONTINUE);
    expect(host("sent")).toBe("");
    expect(host("headers 0")).toBe(":method=GET\nx-seen=1\nx-seen=1");
  });

  it("replies, and then nothing is continued", () => {
    request(20, ":method=GET\nx-ask=ann");
    answered(4, "403", "no");
    expect(host("responses")).toBe("403 asking:denied 403 41 no -1");
    expect(host("effects")).toBe("effective 20");
  });

  it("may wait again", () => {
    request(20, ":method=GET\nx-ask=again");
    answered(4, "200");
    expect(host("effects")).toBe("effective 20");
    answered(8, "201");
    expect(host("effects")).toBe("effective 20\neffective 20\ncontinue 0");
    expect(host("headers 0").endsWith("x-answer=200 41\nx-answer=201 42\nx-seen=1")).toBe(true);
  });

  it("has status 0 where the answer broke off, or has no status that is one", () => {
    request(20, ":method=GET\nx-ask=ann");
    proxy_on_http_call_response(1, 4, 0, 0, 0);
    expect(host("headers 0").includes("x-answer=0 41")).toBe(true);
    request(21, ":method=GET\nx-ask=ann");
    answered(8, "2000");
    expect(host("headers 0").includes("x-answer=0 41")).toBe(true);
  });

  it("is told of gRPC: a message, or a status with what was said of it", () => {
    request(20, ":method=GET\nx-ask=grpc");
    expect(host("sent")).toBe("grpc 0a030a0163 50 S/M grpc");
    proxy_on_grpc_receive(1, 5, 0);
    expect(host("headers 0").includes("x-answer=0 41")).toBe(true);
    request(21, ":method=GET\nx-ask=grpc");
    proxy_on_grpc_close(1, 9, 7);
    expect(host("responses")).toBe("403 asking:denied 7 41 no way -1");
  });

  it("hears nothing of a stream that is gone", () => {
    request(20, ":method=GET\nx-ask=ann");
    hostForgets(20);
    answered(4, "403");
    expect(host("responses")).toBe("");
    expect(host("effects")).toBe("");
  });

  it("hears nothing that another's token brings", () => {
    request(20, ":method=GET\nx-ask=ann");
    answered(40, "403");
    proxy_on_grpc_close(1, 41, 7);
    proxy_on_grpc_receive(1, 0, 7);
    expect(host("responses")).toBe("");
    expect(host("effects")).toBe("");
  });

  it("is not asked for a request whose headers are gone: that is answered with 500", () => {
    request(20, ":method=GET\nx-ask=ann");
    hostHasHeaders("");
    answered(4, "200");
    expect(host("responses")).toBe("500 outrigger:internal  -1");
    expect(host("effects")).toBe("effective 20");
  });

  it("is not asked by a configuration that came later: that is answered with 500", () => {
    request(20, ":method=GET\nx-ask=ann");
    const document = bytes('{"filters":[]}');
    hostHasBuffer(BufferTypeValues.PluginConfiguration, document);
    expect(proxy_on_configure(1, <u32>document)).toBe(true);
    hostHasHeaders(":method=GET\nx-ask=ann");
    answered(4, "200");
    expect(host("responses")).toBe("500 outrigger:internal  -1");
  });

  it("decides itself when nothing could be sent", () => {
    hostAnswersCalls(WasmResultValues.BadArgument);
    expect(request(20, ":method=GET\nx-ask=ann")).toBe(STOP);
    expect(host("responses")).toBe("503 asking:not-sent  -1");
  });

  it("that has sent nothing has its request answered with 500", () => {
    request(20, ":method=GET\nx-ask=ann");
    expect(request(21, ":method=GET\nx-ask=nothing")).toBe(STOP);
    expect(host("responses")).toBe("500 outrigger:internal  -1");
  });

  it("keeps many apart, whatever order their answers come in", () => {
    for (let id: u32 = 20; id < 520; id++) same(request(id, ":method=GET\nx-ask=ann"), STOP);
    for (let id: u32 = 519; id >= 20; id--) {
      hostHasHeaders(":method=GET\nx-ask=ann");
      answered((id - 19) * 4, "200");
    }
    const effects = host("effects").split("\n");
    same(effects.length, 1000);
    for (let at = 0; at < 500; at++) {
      same(effects[2 * at], "effective " + (519 - at).toString());
      same(effects[2 * at + 1], "continue 0");
    }
  });
});
