/**
 * One direction of a filter chain: passes headers, body and trailers from filter to filter, and stops
 * and resumes where filters say so. Follows `ActiveStreamFilterBase` and `FilterManager` of Envoy's
 * `source/common/http/filter_manager.cc`; both directions are the same but for the order of filters.
 */
import { DataStatus, HeadersStatus, TrailersStatus } from "./abi.ts";
import type { StreamContext } from "./context.ts";
import { Body, Way } from "./context.ts";
import type { HeaderMap } from "./header-map.ts";

/** What stands behind the last filter: the router, or the client's connection. */
export interface Sink {
  passedHeaders(way: Way, map: HeaderMap, end: boolean): void;
  passedData(way: Way, body: Body, end: boolean): void;
  passedTrailers(way: Way, map: HeaderMap): void;
  /** After each callback of a filter: a local reply may wait for it to return. */
  afterCallback(way: Way): void;
}

const Iteration = { Continue: 0, StopSingle: 1, StopAll: 2 } as const;

interface Stage {
  readonly filter: StreamContext;
  iteration: number;
  headersContinued: boolean;
  /** It continued before its headers callback had answered. */
  continuedInCallback: boolean;
  /** The filter has been told of the end of the stream: nothing more is for it. */
  ended: boolean;
}

/** A plugin continued a response that it has not stopped. */
export class ContinuedTooEarly extends Error {
  override name = "ContinuedTooEarly";
  constructor() {
    super("proxy_continue_stream of a response that is not stopped: Envoy 1.40 dies of it (SIGSEGV)");
  }
}

export class Pipeline {
  /** Nothing is passed on any more: a local reply or a reset took over. */
  aborted = false;
  /** Bytes that filters hold back; all filters of the direction share it. */
  buffered: Body | null = null;
  /** True while a filter's callback of this direction runs. */
  inCallback = false;
  private readonly way: Way;
  private readonly stages: Stage[];
  private readonly sink: Sink;
  private map: HeaderMap | null = null;
  private trailerMap: HeaderMap | null = null;
  /** The sender has sent everything. */
  private observedEnd = false;

  /** `filters` in the order in which this direction passes them. */
  constructor(way: Way, filters: readonly StreamContext[], sink: Sink) {
    this.way = way;
    this.sink = sink;
    this.stages = filters.map((filter) => ({
      filter,
      iteration: Iteration.Continue,
      headersContinued: false,
      continuedInCallback: false,
      ended: false,
    }));
  }

  headers(map: HeaderMap, end: boolean): void {
    this.map = map;
    this.observedEnd ||= end;
    this.runHeaders(0, end);
  }

  data(body: Body, end: boolean): void {
    this.observedEnd ||= end;
    this.runData(0, body, end);
  }

  trailers(map: HeaderMap): void {
    this.observedEnd = true;
    this.trailerMap = map;
    this.runTrailers(0);
  }

  /** Trailers that a filter makes at the end of the body; the body then does not end the stream. */
  addTrailers(make: () => HeaderMap): HeaderMap {
    this.trailerMap ??= make();
    return this.trailerMap;
  }

  addData(body: Body): void {
    if (this.buffered === body) return;
    (this.buffered ??= new Body()).move(body);
  }

  /**
   * `commonContinue`. As in Envoy 1.40 nothing keeps a filter from continuing what it has not stopped: later
   * filters then get the request's headers twice. Of a response that ends Envoy by SIGSEGV, so here by an error.
   */
  resume(filter: StreamContext): void {
    const at = this.stages.findIndex((stage) => stage.filter === filter);
    const stage = this.stages[at];
    if (stage === undefined || this.aborted) return;
    if (this.way === Way.Encode && this.map === null) throw new ContinuedTooEarly();
    stage.continuedInCallback ||= this.inCallback || stage.iteration === Iteration.Continue;
    // Stopped at its headers, the filter has not seen body and trailers yet: they start with it.
    const from = stage.iteration === Iteration.StopAll ? at : at + 1;
    const { buffered, trailerMap, observedEnd } = this;
    stage.iteration = Iteration.Continue;
    if (!stage.headersContinued && this.map !== null) {
      stage.headersContinued = true;
      this.runHeaders(at + 1, observedEnd && buffered === null && trailerMap === null);
    }
    if (buffered !== null && !this.aborted) {
      this.buffered = null;
      this.runData(from, buffered, observedEnd && trailerMap === null);
    }
    if (trailerMap !== null && !this.aborted) this.runTrailers(from);
  }

  /** The filter at which the direction stands still, or null. */
  get stoppedAt(): StreamContext | null {
    return this.stages.find((stage) => stage.iteration !== Iteration.Continue)?.filter ?? null;
  }

  private runHeaders(from: number, end: boolean): void {
    for (let i = from; i < this.stages.length; i++) {
      if (this.aborted) return;
      const stage = this.stages[i]!;
      stage.ended = end;
      this.inCallback = true;
      const status = stage.filter.headers(this.way, this.map!, end);
      this.leaveCallback();
      if (this.way === Way.Encode && stage.continuedInCallback && status === HeadersStatus.Continue) {
        throw new ContinuedTooEarly();
      }
      if (this.aborted) return;
      if (status !== HeadersStatus.Continue) {
        // Also what has just been continued: its headers went on, its body waits for a further continue.
        stage.iteration = status === HeadersStatus.StopIteration ? Iteration.StopSingle : Iteration.StopAll;
        return;
      }
      stage.headersContinued = true;
    }
    if (!this.aborted) this.sink.passedHeaders(this.way, this.map!, end);
  }

  private runData(from: number, body: Body, end: boolean): void {
    let last = end;
    let trailersFrom = -1;
    for (let i = from; i < this.stages.length; i++) {
      if (this.aborted) return;
      const stage = this.stages[i]!;
      if (stage.iteration === Iteration.StopAll) {
        this.addData(body);
        return;
      }
      if (stage.ended) return;
      stage.ended = last;
      const hadTrailers = this.trailerMap !== null;
      this.inCallback = true;
      const status = stage.filter.data(this.way, body, last);
      this.leaveCallback();
      if (this.aborted) return;
      if (!hadTrailers && this.trailerMap !== null && last) {
        last = false;
        stage.ended = false;
        trailersFrom = i;
      }
      if (status === DataStatus.Continue) {
        if (stage.iteration !== Iteration.StopSingle) continue;
        // The filter had held earlier parts back: they go on together with this one.
        this.addData(body);
        this.resume(stage.filter);
        return;
      }
      stage.iteration = Iteration.StopSingle;
      const keeps =
        status === DataStatus.StopIterationAndBuffer || status === DataStatus.StopIterationAndWatermark;
      if (keeps) this.addData(body);
      // So that a stream which ended here can still be resumed, with an empty end.
      else if (last) this.buffered ??= new Body();
      if (trailersFrom < 0) return;
      break;
    }
    if (this.aborted) return;
    if (this.stages.every((stage, i) => i < from || stage.iteration === Iteration.Continue)) {
      this.sink.passedData(this.way, body, last);
    }
    if (trailersFrom >= 0) this.runTrailers(trailersFrom);
  }

  private runTrailers(from: number): void {
    for (let i = from; i < this.stages.length; i++) {
      if (this.aborted) return;
      const stage = this.stages[i]!;
      if (stage.iteration === Iteration.StopAll) return;
      if (stage.ended) return;
      stage.ended = true;
      this.inCallback = true;
      const status = stage.filter.trailers(this.way, this.trailerMap!);
      this.leaveCallback();
      if (this.aborted) return;
      if (status !== TrailersStatus.Continue) {
        stage.iteration = Iteration.StopSingle;
        return;
      }
      if (stage.iteration === Iteration.StopSingle) {
        // Resuming passes on what was held back, and then the trailers.
        this.resume(stage.filter);
        return;
      }
    }
    if (!this.aborted) this.sink.passedTrailers(this.way, this.trailerMap!);
  }

  private leaveCallback(): void {
    this.inCallback = false;
    this.sink.afterCallback(this.way);
  }
}
