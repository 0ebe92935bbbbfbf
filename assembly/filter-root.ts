import {
  configurationOfCall,
  filterOfCall,
  findCall,
  memoOfCall,
  streamOfCall,
  trackCall,
  untrackCall,
  untrackCallsOf,
} from "./abi/calls";
import { proxy_set_effective_context } from "./abi/imports";
import { addPace, forgetPace, paceOf } from "./abi/paces";
import {
  addParked,
  beginWaking,
  forgetEnded,
  forgetParkedOf,
  hasParked,
  hasParkedOf,
  hasWoken,
  Parked,
  ParkedState,
  parks,
  takeWoken,
  wakeLate,
} from "./abi/parked";
import { Root } from "./abi/root";
import { registerRoot } from "./abi/roots";
import { findStream, stateIn, untrackStream, untrackStreamsOf } from "./abi/streams";
import {
  BufferTypeValues,
  FilterHeadersStatusValues,
  FilterStatusValues,
  GrpcStatusValues,
  WasmResultValues,
} from "./abi/values";
import { resetArena } from "./bytes/arena";
import { literal, release } from "./bytes/bytes";
import { Keeper } from "./bytes/keeper";
import { answersFailures, Filter, notesAreRecords, notesOutlive, reply, Verdict } from "./filter";
import { getBuffer } from "./host/buffers";
import { clockAnswers, monotonicNow, setTickPeriod } from "./host/clock";
import { continueRequest, sendLocalResponse } from "./host/local-response";
import { logBytes, LogLevelValues, refreshLogLevel } from "./host/log";
import { flushCounters } from "./host/metrics";
import { ConfigReader } from "./json/config-reader";
import { isWord } from "./json/words";
import { JsonNode } from "./json/node";
import { jsonProblem, parseJson } from "./json/parse";
import { releaseInterned } from "./match/attribute";
import { beginWoken, endWoken, parkingDeadline, parkingMemo, parkingTime, wokenAnswer } from "./parking";
import { pluginRootId } from "./properties";
import { RequestView } from "./request-view";
import { clearNote, dropNotes, keepNote, noteOf } from "./response-notes";
import { ResponseView } from "./response-view";
import {
  asks,
  beginAsking,
  CallAnswer,
  forgetSent,
  IN_BACKGROUND,
  sentMemoOf,
  sentToken,
  waits,
} from "./waiting";
import { emptyList } from "./list";

/** Milliseconds between two flushes of the counters. */
const TICK = 1000;
/** Milliseconds between two ticks while requests are parked, and while more of them are woken than a callback takes. */
const PARKED_TICK = 50;
const WOKEN_TICK = 1;
/**
 * Requests that are woken in a callback. What a callback does to streams the host does when it has ended, the next inside of what the
 * one before calls back: some stack for each (see `pending-streams.ts`, which has room for so many).
 */
const MOST_WOKEN = 32;

/** How a filter of this module is made. */
export class FilterKind {
  constructor(
    /** As in root ids and reasons: `dark-launch`. */
    readonly name: string,
    readonly create: () => Filter,
  ) {}
}

/** The filters of this module. */
export const kinds = emptyList<FilterKind>();

/** Reads a configuration and makes the filters that it is for. */
export type FiltersReader = (document: JsonNode, reader: ConfigReader, filters: Filter[]) => void;

/** What reads the configuration of a plugin with root id `suite`; null in a module that has no suite. */
let suiteReader: FiltersReader | null = null;

/**
 * Makes a filter part of the module, under its name as root id. A module with one filter and no suite runs it under
 * any root id.
 */
export function registerFilter(name: string, create: () => Filter): void {
  kinds.push(new FilterKind(name, create));
  registerFilterRoot(name);
}

/** Gives the module the root id `suite` too. See `suite.ts`. */
export function registerSuiteReader(read: FiltersReader): void {
  suiteReader = read;
  registerFilterRoot(SUITE);
}

function registerFilterRoot(name: string): void {
  const factory: (id: u32) => Root = (id) => new FilterRoot(id);
  registerRoot(name, factory.index);
}

const SUITE = "suite";

/** The one view of a request: the host runs one callback at a time. */
const request = new RequestView();
/** The one view of a response. */
const response = new ResponseView();
/** The one answer to a call. */
// @ts-ignore: decorator
@lazy const answer = new CallAnswer();

/** A plugin that runs one filter, or a suite of them with one read of the headers. */
@final
export class FilterRoot extends Root {
  private filters: StaticArray<Filter> = new StaticArray<Filter>(0);
  /** Holds what the filters' configuration says in texts. */
  private keeper: Keeper = new Keeper();

  configured(size: u32): bool {
    refreshLogLevel();
    const keeper = new Keeper();
    const reader = new ConfigReader(keeper);
    const filters = emptyList<Filter>();
    const document = parseJson(getBuffer(BufferTypeValues.PluginConfiguration, 0, size));
    if (document == null) {
      logError("configuration refused: " + jsonProblem);
      return false;
    }
    this.readFilters(document, reader, filters);
    releaseInterned();
    if (reader.failed) {
      logError("configuration refused:\n" + reader.report());
      return false;
    }
    // Their notes are for the filters that were.
    untrackStreamsOf(this);
    this.keeper = keeper;
    this.filters = StaticArray.fromArray(filters);
    if (parks) forgetPace(this.id);
    setTickPeriod(TICK);
    return true;
  }

  get isSwept(): bool {
    return true;
  }

  ticked(): void {
    if (parks && this.isBetween()) {
      this.tickParked();
      return;
    }
    refreshLogLevel();
    flushCounters();
    const filters = this.filters;
    for (let at = 0; at < filters.length; at++) {
      if (asks || parks) beginAsking(this.id, at, changetype<usize>(filters));
      unchecked(filters[at]).onTick();
    }
    if (parks) {
      forgetEnded(this.id);
      this.wake();
    }
  }

  /** Whether this tick is one of those that come since requests are parked, and the second is not over. */
  private isBetween(): bool {
    const pace = paceOf(this.id);
    if (changetype<usize>(pace) == 0) return false;
    const now = monotonicNow();
    // Nothing that waits for a time would ever be over.
    if (!clockAnswers) {
      wakeLate(this.id, changetype<usize>(this.filters), u64.MAX_VALUE);
      return false;
    }
    if (now - pace.secondBegan < <u64>TICK * 1000000) return true;
    pace.secondBegan = now;
    return false;
  }

  private tickParked(): void {
    const filters = this.filters;
    const configuration = changetype<usize>(filters);
    for (let at = 0; at < filters.length; at++) {
      if (!hasParkedOf(this.id, at, configuration)) continue;
      beginAsking(this.id, at, configuration);
      unchecked(filters[at]).onParked();
    }
    this.wake();
  }

  deleted(): void {
    flushCounters();
    if (waits) untrackCallsOf(this.id);
    if (parks) {
      forgetParkedOf(this.id);
      forgetPace(this.id);
    }
  }

  requestHeaders(id: u32, _state: usize, _count: u32, _endOfStream: bool): u32 {
    if (!request.load()) {
      // Never seen on Envoy: the host gave no headers, or not in the form of the ABI.
      this.fail();
      return FilterHeadersStatusValues.StopIteration;
    }
    return this.decide(id, 0);
  }

  newConnection(_id: u32, _state: usize): u32 {
    const filters = this.filters;
    for (let at = 0; at < filters.length; at++) unchecked(filters[at]).onConnection();
    return FilterStatusValues.Continue;
  }

  httpCallResponse(token: u32, headers: u32, bodySize: u32, _trailers: u32): void {
    const call = findCall(token);
    if (call != 0) this.answered(call, answer.beginHttp(headers, bodySize));
    if (parks) this.wake();
  }

  grpcReceived(token: u32, size: u32): void {
    const call = findCall(token);
    if (call != 0) this.answered(call, answer.beginGrpc(GrpcStatusValues.Ok, size));
    if (parks) this.wake();
  }

  grpcClosed(token: u32, status: u32): void {
    const call = findCall(token);
    if (call != 0) this.answered(call, answer.beginGrpc(status, 0));
    if (parks) this.wake();
  }

  /** Asks the filters from `from` on, and answers what the host is to do. */
  // @ts-ignore: decorator
  @inline
  private decide(id: u32, from: i32): FilterHeadersStatusValues {
    const filters = this.filters;
    for (let at = from, count = filters.length; at < count; at++) {
      request.note = 0;
      if (waits || parks) forgetSent();
      if (asks) beginAsking(this.id, at, changetype<usize>(filters));
      const verdict = unchecked(filters[at]).onRequest(request);
      if (request.note != 0) keepNote(id, this, at, count, request.note);
      if (verdict != Verdict.Continue) {
        this.stop(id, at, verdict);
        return FilterHeadersStatusValues.StopIteration;
      }
    }
    return FilterHeadersStatusValues.Continue;
  }

  /** Replies, or holds the request until its call is answered. */
  private stop(id: u32, at: i32, verdict: Verdict): void {
    if ((waits || parks) && verdict == Verdict.Wait) {
      if (parks && parkingTime() > 0) {
        this.park(id, at);
        return;
      }
      const token = sentToken();
      if (token != 0) trackCall(token, this.id, id, at, sentMemoOf(), changetype<usize>(this.filters));
      // Nothing would ever come.
      else this.fail();
      return;
    }
    sendReply();
  }

  /** Answers a request that cannot be decided. */
  private fail(): void {
    const filters = this.filters;
    for (let at = 0; answersFailures && at < filters.length; at++) {
      if (unchecked(filters[at]).onFailure()) return sendReply();
    }
    sendLocalResponse(500, INTERNAL_ERROR, 0, 0);
  }

  /** Holds the request until it is woken. */
  private park(id: u32, at: i32): void {
    const now = monotonicNow();
    const entry = addParked();
    entry.deadline = parkingDeadline(now);
    entry.root = this.id;
    entry.stream = id;
    entry.filter = at;
    entry.memo = parkingMemo();
    entry.configuration = changetype<usize>(this.filters);
    if (changetype<usize>(paceOf(this.id)) == 0) this.tickEvery(PARKED_TICK);
  }

  private tickEvery(period: u32): void {
    const pace = paceOf(this.id);
    const isFast = changetype<usize>(pace) != 0;
    if ((isFast ? pace.period : TICK) == period) return;
    if (period == TICK) forgetPace(this.id);
    else if (isFast) pace.period = period;
    else addPace(this.id, period, monotonicNow());
    setTickPeriod(period);
  }

  /** Asks again about parked requests that were woken, or whose time is up. The last thing in a callback. */
  private wake(): void {
    if (!hasParked(this.id)) {
      this.tickEvery(TICK);
      return;
    }
    wakeLate(this.id, changetype<usize>(this.filters), monotonicNow());
    beginWaking();
    for (let left = MOST_WOKEN; left > 0; left--) {
      const parked = takeWoken(this.id);
      if (changetype<usize>(parked) == 0) break;
      // Of the request before nothing is needed any more.
      resetArena();
      this.woken(parked);
    }
    if (hasWoken(this.id)) this.tickEvery(WOKEN_TICK);
    else this.tickEvery(hasParked(this.id) ? PARKED_TICK : TICK);
  }

  private woken(parked: Parked): void {
    const id = parked.stream;
    if (proxy_set_effective_context(id) != WasmResultValues.Ok) return;
    const filters = changetype<usize>(this.filters);
    if (parked.configuration != filters || !request.load()) {
      this.fail();
      return;
    }
    const at = <i32>parked.filter;
    beginAsking(this.id, at, filters);
    beginWoken(parked.deadline, parked.state == ParkedState.Late);
    this.resume(id, at, wokenAnswer.beginWoken(parked.memo));
    endWoken();
  }

  /** Asks the filter that has waited again, and then those behind it. */
  private answered(call: usize, answer: CallAnswer): void {
    const id = streamOfCall(call);
    const at = <i32>filterOfCall(call);
    const current = configurationOfCall(call) == changetype<usize>(this.filters);
    answer.memo = memoOfCall(call);
    untrackCall(call);
    if (asks && current) beginAsking(this.id, at, changetype<usize>(this.filters));
    // A stream that has ended meanwhile is unknown to the host: no request wants the answer any more.
    if (id == IN_BACKGROUND || proxy_set_effective_context(id) != WasmResultValues.Ok) {
      if (asks && current) unchecked(this.filters[at]).onBackground(answer);
      return;
    }
    if (!current || !request.load()) {
      if (asks && current) unchecked(this.filters[at]).onBackground(answer);
      this.fail();
      return;
    }
    this.resume(id, at, answer);
  }

  private resume(id: u32, at: i32, answer: CallAnswer): void {
    const stream = findStream(id);
    request.note = stream == 0 ? 0 : noteOf(stateIn(stream), at, this.filters.length);
    forgetSent();
    const verdict = unchecked(this.filters[at]).onAnswer(request, answer);
    if (verdict == Verdict.Ended) return;
    if (request.note != 0) keepNote(id, this, at, this.filters.length, request.note);
    if (verdict != Verdict.Continue) {
      this.stop(id, at, verdict);
      return;
    }
    if (parks) endWoken();
    if (this.decide(id, at + 1) == FilterHeadersStatusValues.Continue) continueRequest();
  }

  /** Lets the filters that left a note change the response, the last one first, as Envoy's own filters do. */
  responseHeaders(id: u32, state: usize, _count: u32, _endOfStream: bool): u32 {
    const filters = this.filters;
    response.begin();
    const count = filters.length;
    let outlives = false;
    for (let at = count - 1; at >= 0; at--) {
      const note = noteOf(state, at, count);
      if (note == 0) continue;
      const filter = unchecked(filters[at]);
      if (notesOutlive && filter.outlivesResponses()) {
        outlives = true;
        continue;
      }
      filter.onResponse(response, note);
      if (notesOutlive) clearNote(state, at, count);
    }
    if (notesOutlive && outlives) return FilterHeadersStatusValues.Continue;
    untrackStream(findStream(id));
    dropNotes(state, count);
    return FilterHeadersStatusValues.Continue;
  }

  /** The stream has ended, and all of it can be seen once more. What filters have noted for it ends here. */
  streamLogged(id: u32, state: usize): void {
    if (!notesOutlive) return;
    const filters = this.filters;
    const count = filters.length;
    untrackStream(findStream(id));
    for (let at = 0; at < count; at++) {
      const note = noteOf(state, at, count);
      if (note == 0) continue;
      const filter = unchecked(filters[at]);
      if (filter.outlivesResponses()) {
        if (asks) beginAsking(this.id, at, changetype<usize>(filters));
        filter.onEnd(note);
      } else if (notesAreRecords) filter.onForgotten(note);
    }
    dropNotes(state, count);
  }

  /** The stream ended, and nobody said what came of it. */
  streamDeleted(_id: u32, state: usize): void {
    const filters = this.filters;
    const count = filters.length;
    if (notesAreRecords && state != 0) {
      for (let at = 0; at < count; at++) {
        const note = noteOf(state, at, count);
        if (note != 0) unchecked(filters[at]).onForgotten(note);
      }
    }
    dropNotes(state, count);
  }

  /** Makes the filters that the configuration is for, and lets them read it. */
  private readFilters(document: JsonNode, reader: ConfigReader, filters: Filter[]): void {
    const readSuite = suiteReader;
    if (kinds.length == 1 && readSuite == null) {
      configureFilter(kinds[0], document, reader, filters);
      return;
    }
    const rootId = pluginRootId();
    if (readSuite != null && isWord(rootId, SUITE)) {
      readSuite(document, reader, filters);
      return;
    }
    for (let at = 0; at < kinds.length; at++) {
      if (isWord(rootId, kinds[at].name)) configureFilter(kinds[at], document, reader, filters);
    }
  }
}

// @ts-ignore: decorator
@lazy const INTERNAL_ERROR = literal("outrigger:internal");

/** Sends what a filter has filled. */
function sendReply(): void {
  sendLocalResponse(reply.status, reply.details, reply.body, reply.headers, reply.grpcStatus);
  reply.grpcStatus = GrpcStatusValues.InvalidCode;
}

/** Logs a message whose code units are bytes. */
function logError(message: string): void {
  const bytes = literal(message);
  logBytes(LogLevelValues.error, bytes);
  release(bytes);
}

/** Makes a filter of this kind and lets it read its configuration. */
export function configureFilter(
  kind: FilterKind,
  config: JsonNode,
  reader: ConfigReader,
  filters: Filter[],
): void {
  const filter = kind.create();
  filter.configure(config, reader);
  filters.push(filter);
}
