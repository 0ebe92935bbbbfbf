/**
 * A module of filters that wait: `gate` asks a cluster about requests that carry `x-ask`, `word` adds its word to `x-seen`, and
 * `suite` runs several.
 */
import {
  ABSENT,
  Bytes,
  CallAnswer,
  callGrpc,
  callHttp,
  ConfigReader,
  equals,
  Filter,
  JsonNode,
  literal,
  pairs,
  registerFilter,
  registerSuite,
  reply,
  RequestView,
  ResponseView,
  Verdict,
} from "../../../assembly/index";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../../../assembly/abi/exports";

const METHOD = literal(":method");
const PATH = literal(":path");
const AUTHORITY = literal(":authority");
const GET = literal("GET");
const SERVICE = literal("test.Gate");
const CHECK = literal("Check");
const GRPC = literal("grpc");
const NOTHING = literal("nothing");
const X_ASK = literal("x-ask");
const X_AGAIN = literal("x-again");
const X_USER = literal("x-user");
const X_SEEN = literal("x-seen");
const X_NOTE = literal("x-note");
const DENIED = literal("gate:denied");
const UNAVAILABLE = literal("gate:unavailable");
const NOT_SENT = literal("gate:not-sent");

/** Configuration: `{"cluster": "auth", "timeout": 100}`, in milliseconds. */
class Gate extends Filter {
  private cluster: Bytes = ABSENT;
  private timeout: u32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "cluster timeout")) return;
    const cluster = reader.member(config, "cluster");
    if (cluster == null) reader.missing(config, "cluster", "the name of a cluster");
    else this.cluster = reader.text(cluster);
    const timeout = reader.member(config, "timeout");
    if (timeout != null) this.timeout = reader.integer(timeout, 0, 60000);
  }

  onRequest(request: RequestView): Verdict {
    const ask = request.headers.get(X_ASK);
    if (ask == ABSENT) return Verdict.Continue;
    request.note = 1;
    if (equals(ask, NOTHING)) return Verdict.Wait;
    return this.ask(ask, 1);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    const ask = request.headers.get(X_ASK);
    if (equals(ask, GRPC)) return this.onGrpc(request, answer);
    if (answer.status == 403) {
      reply.status = 403;
      reply.details = DENIED;
      reply.body = answer.body();
      reply.headers = ABSENT;
      return Verdict.Reply;
    }
    if (answer.status != 200) return refuse(UNAVAILABLE);
    request.headers.add(X_USER, answer.headers.get(X_USER));
    if (request.headers.has(X_AGAIN) && answer.memo == 1) return this.ask(ask, 2);
    return Verdict.Continue;
  }

  onResponse(response: ResponseView, note: u32): void {
    if (note == 1) response.add(X_NOTE, GRPC);
  }

  private onGrpc(request: RequestView, answer: CallAnswer): Verdict {
    if (answer.status != 0) {
      reply.status = 403;
      reply.details = DENIED;
      reply.body = answer.message;
      reply.headers = ABSENT;
      return Verdict.Reply;
    }
    request.headers.add(X_USER, answer.body());
    return Verdict.Continue;
  }

  private ask(what: Bytes, memo: u32): Verdict {
    const sent = equals(what, GRPC)
      ? callGrpc(this.cluster, SERVICE, CHECK, ABSENT, what, this.timeout, memo)
      : callHttp(
          this.cluster,
          pairs.begin().add(METHOD, GET).add(PATH, what).add(AUTHORITY, this.cluster).finish(),
          ABSENT,
          this.timeout,
          memo,
        );
    return sent ? Verdict.Wait : refuse(NOT_SENT);
  }
}

/** Configuration: `{"word": "a"}`. */
class Word extends Filter {
  private word: Bytes = ABSENT;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "word")) return;
    const word = reader.member(config, "word");
    if (word == null) reader.missing(config, "word", "a word");
    else this.word = reader.text(word);
  }

  onRequest(request: RequestView): Verdict {
    request.headers.add(X_SEEN, this.word);
    return Verdict.Continue;
  }
}

function refuse(details: Bytes): Verdict {
  reply.status = 503;
  reply.details = details;
  reply.body = ABSENT;
  reply.headers = ABSENT;
  return Verdict.Reply;
}

registerFilter("gate", () => new Gate());
registerFilter("word", () => new Word());
registerSuite();
