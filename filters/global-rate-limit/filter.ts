import { arenaAllocate } from "../../assembly/bytes/arena";
import { ABSENT, Bytes, lengthOf, literal } from "../../assembly/bytes/bytes";
import { sipHash } from "../../assembly/bytes/siphash";
import { Filter, keepRecords, Verdict } from "../../assembly/filter";
import { monotonicNow } from "../../assembly/host/clock";
import { count } from "../../assembly/host/metrics";
import { setProperty } from "../../assembly/host/properties";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { structToJson } from "../../assembly/json/struct-json";
import { SECOND } from "../../assembly/limit/rate";
import { slotHash } from "../../assembly/limit/slot-sets";
import { Known } from "./states";
import { Mode } from "../../assembly/mode";
import { RequestView } from "../../assembly/request-view";
import { ResponseView } from "../../assembly/response-view";
import { listenerDirection } from "../../assembly/stream-properties";
import { CallAnswer, keepAsking } from "../../assembly/waiting";
import { GlobalRateLimitConfig, LATE } from "./config";
import { Question } from "./descriptor";
import { Limit } from "./limit";
import { addHeader, HEADER_ROOM, Item, itemAt, itemsOf, Record, Records, State } from "./records";
import { DescriptorStatus, MOST_DESCRIPTORS, OVER_LIMIT } from "./response";
import { Sentence } from "./sentence";
import { Failure, Service } from "./service";

const METADATA = literal("outrigger.global-rate-limit.metadata");
/** In the place of a record where there is none. */
const NONE = changetype<Record>(0);

/**
 * Asks a rate limit service about requests.
 *
 * A request's descriptors are its items. What the proxy knows of them decides first; then the service is asked about all that are open,
 * in one call, and then, each in a call of its own, about those for which units are leased. What all of them come to is the sentence.
 */
@final
export class GlobalRateLimit extends Filter {
  private readonly config: GlobalRateLimitConfig = new GlobalRateLimitConfig();
  // Made by `configure`. (With `!`, each use would be checked.)
  private service: Service = changetype<Service>(0);
  private sentence: Sentence = changetype<Sentence>(0);
  private readonly records: Records = new Records();
  private readonly question: Question = new Question();
  /** The listener's direction, of which the states at hand are. */
  private direction: u32 = 0;
  /** The items of the request at hand, and its record where it has one. */
  private items: usize = 0;
  private count: u32 = 0;
  private record: Record = NONE;
  private now: u64 = 0;
  /** The service's response is about the request at hand. */
  private answered: bool = false;

  configure(config: JsonNode, reader: ConfigReader): void {
    const own = this.config;
    own.read(config, reader);
    if (reader.failed) return;
    this.service = new Service(reader.keeper, own.cluster, own.timeout, own.breaker);
    this.service.define();
    this.sentence = new Sentence(own, reader.keeper);
    keepRecords();
    keepAsking();
  }

  onRequest(request: RequestView): Verdict {
    this.record = NONE;
    this.count = 0;
    this.answered = false;
    this.list(request);
    if (this.count == 0) {
      this.sentence.tellAllowed();
      return Verdict.Continue;
    }
    return this.proceed(request);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    if (changetype<Record>(answer.memo).hasEnded != 0) {
      // Envoy has answered meanwhile (a timeout of its own, say), and the stream still lives.
      this.onBackground(answer);
      return Verdict.Ended;
    }
    this.hear(answer, false);
    if (this.answered) this.takeAlong(request);
    return this.proceed(request);
  }

  /** Nobody waits: the record is of a fetch, or of a request that has ended. What the service has counted is kept for others. */
  onBackground(answer: CallAnswer): void {
    this.hear(answer, true);
    this.unwind();
    if (this.record.hasEnded != 0) this.records.giveBack(this.record);
  }

  onResponse(response: ResponseView, note: u32): void {
    const record = changetype<Record>(note);
    if (record.tells != 0) this.sentence.toResponse(response, record);
    this.onForgotten(note);
  }

  onForgotten(note: u32): void {
    const record = changetype<Record>(note);
    if (record.isAsking != 0) record.hasEnded = 1;
    else this.records.giveBack(record);
  }

  /** Takes in the answer to the call that was out for a record, whose items are then at hand. */
  private hear(answer: CallAnswer, inBackground: bool): void {
    const record = changetype<Record>(answer.memo);
    record.isAsking = 0;
    this.direct(record.direction);
    this.record = record;
    this.items = itemsOf(record);
    this.count = record.count;
    this.now = monotonicNow();
    let asked: u32 = 0;
    for (let at: u32 = 0; at < this.count; at++) if (this.item(at).state == State.Asked) asked++;
    this.answered = this.service.read(answer, asked, this.now);
    if (this.answered) this.settle(record.sent, inBackground);
    else this.giveUp();
  }

  /** Lists the descriptors of the limits that match, with what the proxy knows of them. */
  private list(request: RequestView): void {
    this.items = arenaAllocate((MOST_DESCRIPTORS + 1) * offsetof<Item>());
    this.now = 0;
    const limits = this.config.limits;
    // One by one: an index of them takes 2 KiB of the module, and a call costs more than a hundred of these.
    for (let number = 0; number < limits.length; number++) {
      const limit = unchecked(limits[number]);
      if (!limit.match.matches(request)) continue;
      for (let position = 0; position < limit.descriptors.length; position++) {
        const bytes = unchecked(limit.descriptors[position]).write(request);
        if (bytes == ABSENT) continue;
        if (this.now == 0) this.begin();
        const isTooMany = this.count == MOST_DESCRIPTORS;
        const item = this.item(this.count++);
        memory.fill(changetype<usize>(item), 0, offsetof<Item>());
        item.bytes = bytes;
        item.limit = number;
        item.descriptor = position;
        item.units = limit.hits;
        if (limit.isKeyed) item.hash = this.hashOf(bytes);
        if (isTooMany) {
          // What stands for all that are too many: the failure mode of its limit decides.
          item.state = State.Failed;
          this.service.failed(Failure.Busy, this.now);
          return;
        }
        this.look(item, limit);
        // Answered by what is known: whatever else there is changes nothing.
        if (item.state == State.Refused && limit.mode == Mode.Enforce) return;
      }
    }
  }

  /** Of the first descriptor of a request. */
  private begin(): void {
    this.now = monotonicNow();
    if (this.config.key != null) this.direct(<u32>listenerDirection());
  }

  /** Takes the states of this direction: those of inbound and outbound are apart, though both may have one configuration. */
  private direct(direction: u32): void {
    if (direction == this.direction) return;
    this.direction = direction;
    const limits = this.config.limits;
    for (let at = 0; at < limits.length; at++) unchecked(limits[at]).setDirection(direction);
  }

  private hashOf(descriptor: Bytes): u64 {
    const key = this.config.key!;
    return slotHash(sipHash(descriptor, key.key0, key.key1));
  }

  /** Looks for what the proxy knows of a descriptor, and spends a lease where there is one. */
  private look(item: Item, limit: Limit): void {
    const states = limit.states;
    if (states == null) return;
    const patience = <u64>this.config.timeout * 1000000 + LATE;
    const known = states.look(item.hash, limit.hits, this.now, patience);
    if (known == Known.Nothing) return;
    if (known == Known.Fetch) {
      item.units = states.size;
      // One of no more units than the request needs goes with the others.
      item.state = states.size > limit.hits ? State.Lease : State.Open;
      return;
    }
    item.requests = states.limit;
    item.window = states.window;
    item.remaining = states.remaining;
    item.reset = <u32>((states.reset + SECOND - 1) / SECOND);
    if (known == Known.Denied) {
      item.state = State.Refused;
      count(limit.remembered);
      return;
    }
    item.state = State.Spent;
    item.until = this.now + max(states.reset, SECOND) - SECOND;
    count(limit.spent, limit.hits);
    if (known == Known.SpentLast) this.fetch(item, limit, states.size);
  }

  /** Fetches the next lease in the background. */
  private fetch(item: Item, limit: Limit, units: u32): void {
    const block = this.records.take(1, 0);
    if (block != 0) {
      const record = changetype<Record>(block);
      record.sent = this.now;
      record.direction = this.direction;
      record.hasEnded = 1;
      const own = itemAt(itemsOf(record), 0);
      memory.copy(changetype<usize>(own), changetype<usize>(item), offsetof<Item>());
      own.units = units;
      own.state = State.Asked;
      this.question.begin(this.config.domain);
      this.question.add(item.bytes, units, ABSENT);
      if (this.service.ask(this.question.end(), true, <u32>block, this.now)) return;
      this.records.giveBack(record);
    }
    limit.states!.failed(item.hash);
  }

  /** Asks about what is still to be asked about, or answers the request. */
  private proceed(request: RequestView): Verdict {
    while (this.refuses() < 0) {
      const lease = this.next();
      if (lease == NOTHING) break;
      if (this.ask(request, lease)) return Verdict.Wait;
      this.giveUp();
    }
    return this.conclude(request);
  }

  /** The first item that refuses the request, or -1. */
  private refuses(): i32 {
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      if (item.state == State.Refused && this.limitOf(item).mode == Mode.Enforce) return at;
    }
    return -1;
  }

  /** What is to be asked about next: {@link ALL_OPEN}, the position of an item that needs a lease, or {@link NOTHING}. */
  private next(): i32 {
    let lease = NOTHING;
    for (let at: u32 = 0; at < this.count; at++) {
      const state = this.item(at).state;
      if (state == State.Open) return ALL_OPEN;
      if (state == State.Lease && lease == NOTHING) lease = at;
    }
    return lease;
  }

  /** Asks the service. False when nothing was sent; items that were to be asked about are {@link State.Asked} in any case. */
  private ask(request: RequestView, lease: i32): bool {
    this.question.begin(this.config.domain);
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      if (lease == ALL_OPEN ? item.state != State.Open : <i32>at != lease) continue;
      item.state = State.Asked;
      const limit = this.limitOf(item);
      // After an answer what was written before is gone.
      if (item.bytes == ABSENT) item.bytes = unchecked(limit.descriptors[item.descriptor]).write(request);
      this.question.add(item.bytes, item.units, limit.hitsField);
    }
    const message = this.question.end();
    if (!this.keep(request, 0)) return this.service.failed(Failure.Busy, this.now);
    const record = this.record;
    record.sent = this.now;
    record.direction = this.direction;
    for (let at: u32 = 0; at < this.count; at++) this.item(at).bytes = ABSENT;
    if (!this.service.ask(message, false, <u32>changetype<usize>(record), this.now)) return false;
    record.isAsking = 1;
    return true;
  }

  /** What was asked about, or still is to be, is left to the failure mode: one timeout is enough for a request. */
  private giveUp(): void {
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      if (item.state > State.Asked) continue;
      const states = this.limitOf(item).states;
      if (states != null) states.failed(item.hash);
      item.state = State.Failed;
    }
  }

  /** Takes in what the service says of the items that were asked about at `sent`. In the background all units of a lease are left. */
  private settle(sent: u64, inBackground: bool): void {
    const refuser = this.refuser();
    let position: u32 = 0;
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      if (item.state != State.Asked) continue;
      const isOver = this.isOver(position, <i32>at == refuser);
      item.state = isOver ? State.Refused : State.Admitted;
      const status = this.statusOf(position++);
      if (changetype<usize>(status) != 0) {
        item.requests = status.limit;
        item.window = status.window;
        item.remaining = status.remaining;
        item.reset = status.reset;
      }
      const limit = this.limitOf(item);
      if (limit.states == null) continue;
      const used: u32 = inBackground && item.units > limit.hits ? 0 : limit.hits;
      this.learn(item, limit, status, isOver, used, sent);
    }
  }

  /**
   * The item that answers for an overall OVER_LIMIT which no status explains: the first one in force, or the first one; -1 when a status
   * does, or nothing is over.
   */
  private refuser(): i32 {
    const response = this.service.response;
    if (response.overall != OVER_LIMIT) return -1;
    for (let at: u32 = 0; at < response.count; at++) if (response.status(at).code == OVER_LIMIT) return -1;
    let first = -1;
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      if (item.state != State.Asked) continue;
      if (this.limitOf(item).mode == Mode.Enforce) return at;
      if (first < 0) first = at;
    }
    return first;
  }

  /**
   * Whether the descriptor is over its limit. The overall code comes first: a service in shadow mode says OK over statuses that are not
   * (envoyproxy/ratelimit `ratelimit.go`).
   */
  private isOver(position: u32, answersForAll: bool): bool {
    const response = this.service.response;
    if (response.overall != OVER_LIMIT) return false;
    return answersForAll || (position < response.count && response.status(position).code == OVER_LIMIT);
  }

  /** The status at this position; null (0) where the service gave none. */
  private statusOf(position: u32): DescriptorStatus {
    const response = this.service.response;
    return position < response.count ? response.status(position) : changetype<DescriptorStatus>(0);
  }

  /** Remembers what the service says. `used` units of those asked for are a request's own. */
  private learn(
    item: Item,
    limit: Limit,
    status: DescriptorStatus,
    isOver: bool,
    used: u32,
    sent: u64,
  ): void {
    const states = limit.states!;
    if (changetype<usize>(status) == 0) {
      states.failed(item.hash);
      return;
    }
    if (!isOver && item.units > used && status.limit > 0) count(limit.fetched, item.units - used);
    states.answered(
      item.hash,
      item.units,
      used,
      sent,
      this.now,
      isOver,
      status.limit,
      status.window,
      status.remaining,
      status.reset,
      limit.remembers,
    );
    if (states.full) count(limit.full);
  }

  /** Takes what the service wants to go along with the request, and with its response. */
  private takeAlong(request: RequestView): void {
    if (!this.isInForce()) return;
    const response = this.service.response;
    const toRequest = response.toRequest;
    for (let at: u32 = 0; at < toRequest.count; at++) {
      request.headers.add(toRequest.name(at), toRequest.value(at));
    }
    const toResponse = response.toResponse;
    if (toResponse.count > 0 && this.keep(request, toResponse.size + toResponse.count * HEADER_ROOM)) {
      for (let at: u32 = 0; at < toResponse.count; at++) {
        addHeader(this.record, toResponse.name(at), toResponse.value(at));
      }
    }
    if (lengthOf(response.metadata) == 0) return;
    const json = structToJson(response.metadata);
    if (json != ABSENT) setProperty(METADATA, json);
  }

  /** Whether any of the limits is in force. */
  private isInForce(): bool {
    for (let at: u32 = 0; at < this.count; at++) {
      if (this.limitOf(this.item(at)).mode == Mode.Enforce) return true;
    }
    return false;
  }

  /** Makes a record of the request, with room for so many more bytes of headers. False when there is no room for it. */
  private keep(request: RequestView, headers: u32): bool {
    const old = this.record;
    const hasOld = changetype<usize>(old) != 0;
    if (hasOld && this.records.hasRoom(old, headers)) return true;
    const kept = hasOld ? old.headers : 0;
    const block = this.records.take(this.count, kept + headers);
    if (block == 0) return false;
    const record = changetype<Record>(block);
    memory.copy(itemsOf(record), this.items, <usize>this.count * offsetof<Item>() + kept);
    record.headers = kept;
    if (hasOld) this.records.giveBack(old);
    this.record = record;
    this.items = itemsOf(record);
    request.note = <u32>block;
    return true;
  }

  /** Answers the request, or lets it go on. */
  private conclude(request: RequestView): Verdict {
    const sentence = this.sentence;
    let record = this.record;
    if (sentence.weigh(this.items, this.count, this.now)) {
      this.unwind();
      const response = this.service.response;
      const body = this.answered && response.overall == OVER_LIMIT ? response.body : ABSENT;
      sentence.reply(this.items, this.count, body, record);
      return Verdict.Reply;
    }
    const hasHeaders = changetype<usize>(record) != 0 && record.headers > 0;
    if ((hasHeaders || sentence.tells(this.items, this.count)) && this.keep(request, 0)) {
      record = this.record;
      record.tells = 1;
    }
    return Verdict.Continue;
  }

  /** The request is not admitted: units that it has spent are given back, and what it would have fetched is left to others. */
  private unwind(): void {
    for (let at: u32 = 0; at < this.count; at++) {
      const item = this.item(at);
      const limit = this.limitOf(item);
      const states = limit.states;
      if (states == null) continue;
      if (item.state < State.Asked) states.failed(item.hash);
      else if (item.state == State.Spent && this.now < item.until) {
        states.giveBack(item.hash, limit.hits, this.now);
        count(limit.returned, limit.hits);
      }
    }
  }

  private item(at: u32): Item {
    return itemAt(this.items, at);
  }

  private limitOf(item: Item): Limit {
    return unchecked(this.config.limits[item.limit]);
  }
}

/** In the place of an item's position: all that are open, in one call; and nothing at all. */
const ALL_OPEN = -1;
const NOTHING = -2;
