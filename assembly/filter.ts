import { GrpcStatusValues } from "./abi/values";
import { ABSENT, Bytes } from "./bytes/bytes";
import { ConfigReader } from "./json/config-reader";
import { JsonNode } from "./json/node";
import { RequestView } from "./request-view";
import { ResponseView } from "./response-view";
import { CallAnswer } from "./waiting";

/** What a filter says of a request. */
export enum Verdict {
  /** It goes on. */
  Continue,
  /** It is answered here, as {@link reply} says. */
  Reply,
  /**
   * It waits for the answer to the call that was just sent (`callHttp`, `callGrpc`), or, parked (`park`), until its filter wakes it:
   * {@link Filter.onAnswer} is then asked.
   */
  Wait,
  /** Of {@link Filter.onAnswer}: it has been answered meanwhile, and nothing is to be done. */
  Ended,
}

/**
 * A filter as a value: configured from JSON, given a view of the request, answering with a verdict. It knows neither
 * the callback it runs in nor whether it is alone; `FilterRoot` turns host callbacks into these calls and verdicts
 * into host calls.
 */
export abstract class Filter {
  /** Reads the configuration. What is wrong with it goes to the reader, which then refuses all of it. */
  abstract configure(config: JsonNode, reader: ConfigReader): void;

  /** Decides about a request. It must not allocate on the managed heap, and must end for every input. */
  abstract onRequest(request: RequestView): Verdict;

  /**
   * Decides about a request that waited. `request` is read anew; what the filter knew of it is gone but for `answer.memo`. Called
   * once for each {@link Verdict.Wait}, unless the request has ended meanwhile. It must not allocate on the managed heap. A filter
   * that waits has this method; one that waits for nothing has its request answered with 500.
   */
  onAnswer(_request: RequestView, _answer: CallAnswer): Verdict {
    return Verdict.Wait;
  }

  /**
   * The request cannot be decided: its headers could not be read, a call that it was to wait for was not sent, or the configuration has changed while it
   * waited. True where this filter has filled {@link reply}; where none of a plugin's has, the request is answered with 500. Only in a module that has said
   * {@link keepAnsweringFailures}.
   */
  onFailure(): bool {
    return false;
  }

  /** About a second has passed. */
  onTick(): void {}

  /** Requests that this filter has parked still wait. Called on about twenty ticks a second meanwhile, {@link onTick} on one of them. */
  onParked(): void {}

  /**
   * A client has connected, where the module is a network plugin of a listener: properties can be read, and what is set is there for the requests on
   * that connection. Only in a module that exports `proxy_on_new_connection`.
   */
  onConnection(): void {}

  /**
   * Changes the response of a request for which {@link onRequest} left a {@link RequestView.note}. Called for no other,
   * and only in a module that exports `proxy_on_response_headers`.
   */
  onResponse(_response: ResponseView, _note: u32): void {}

  /**
   * The request for which {@link onRequest} left this note has ended without {@link onResponse} and {@link onEnd}: what the note stands
   * for can be used again. Called only in a module that has said {@link keepRecords}.
   */
  onForgotten(_note: u32): void {}

  /**
   * Whether the notes of this filter are kept until their requests have ended, for {@link onEnd} instead of {@link onResponse}. Asked in
   * a module that has said {@link keepUntilEnd}.
   */
  outlivesResponses(): bool {
    return false;
  }

  /**
   * The request for which {@link onRequest} left this note has ended, whatever came of it. Its properties can be read, and those of its
   * response. It must not allocate on the managed heap.
   */
  onEnd(_note: u32): void {}

  /**
   * The answer to a call that no request waits for: one of `callHttpInBackground` and `callGrpcInBackground`, or, in a module that has said
   * `keepAsking`, of a request that has ended meanwhile. There is no request: no headers, no properties of one. It must not allocate on
   * the managed heap.
   */
  onBackground(_answer: CallAnswer): void {}
}

/**
 * Whether notes of this module stand for records that are used again. Where none do, nothing sets it, and the compiler drops what
 * depends on it.
 */
export let notesAreRecords: bool = false;

/** Says that {@link Filter.onForgotten} is to be called. */
export function keepRecords(): void {
  notesAreRecords = true;
}

/** Whether any filter of the module keeps its notes until requests have ended. As with {@link notesAreRecords}. */
export let notesOutlive: bool = false;

/** Says that {@link Filter.onEnd} is to be called. The module exports `proxy_on_log`. */
export function keepUntilEnd(): void {
  notesOutlive = true;
}

/** Whether any filter of the module answers what cannot be decided. As with {@link notesAreRecords}. */
export let answersFailures: bool = false;

/** Says that {@link Filter.onFailure} is to be called. */
export function keepAnsweringFailures(): void {
  answersFailures = true;
}

/** The answer that goes with {@link Verdict.Reply}: filled by the filter that replies, sent by its root. */
@final
export class LocalReply {
  status: u32 = 0;
  /** The reason, `<filter>:<rule>`. */
  details: Bytes = ABSENT;
  body: Bytes = ABSENT;
  /** Serialized pairs, or {@link ABSENT} for none. */
  headers: Bytes = ABSENT;
  /** What a gRPC request gets; without it, Envoy makes a gRPC status of {@link status}. For one reply. */
  grpcStatus: GrpcStatusValues = GrpcStatusValues.InvalidCode;
}

export const reply = new LocalReply();
