import {
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_grpc_receive,
  proxy_on_request_headers,
  proxy_on_tick,
} from "../../assembly/abi/exports";
import { BufferTypeValues, FilterHeadersStatusValues } from "../../assembly/abi/values";
import { ABSENT } from "../../assembly/bytes/bytes";
import { Filter, reply, Verdict } from "../../assembly/filter";
import { registerFilter } from "../../assembly/filter-root";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { RequestView } from "../../assembly/request-view";
import { registerSuite } from "../../assembly/suite";
import { keepParking, park, wakeParked } from "../../assembly/parking";
import { CallAnswer, callGrpcInBackground, keepAsking } from "../../assembly/waiting";
import {
  callsOf,
  host,
  hostForgets,
  hostHasBuffer,
  hostHasHeaders,
  hostHasProperty,
  hostHasTime,
  resetHost,
} from "./mock-host";
import { same } from "./same";
import { bytes } from "./texts";

const X_PARK = bytes("x-park");
const X_ASK = bytes("x-ask");
const X_TWICE = bytes("x-twice");
const X_SEEN = bytes("x-seen");
const X_WOKEN = bytes("x-woken");
const FULL = bytes("parking:full");
const DENIED = bytes("parking:denied");

/** Whether the filter wakes what it has parked: on a tick, on one between, or with the next answer. */
let wakesOnTick = false;
let wakesBetween = false;
/** What parked filters were told, in order. */
let told = "";

/** Parks requests with `x-park` for 5 s, those with `x-twice` twice, and lets them go on. */
class Parking extends Filter {
  configure(config: JsonNode, reader: ConfigReader): void {
    reader.object(config, "");
    keepAsking();
    keepParking();
  }

  onRequest(request: RequestView): Verdict {
    if (request.headers.has(X_ASK))
      callGrpcInBackground(bytes("c"), bytes("S"), bytes("M"), ABSENT, bytes("x"), 50, 1);
    if (!request.headers.has(X_PARK)) return Verdict.Continue;
    if (park(7, 5000)) return Verdict.Wait;
    return refuse(FULL);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    same(answer.woken, true);
    same(answer.status, 0);
    same(answer.body(), ABSENT);
    told += answer.memo.toString() + (answer.timedOut ? " late;" : ";");
    if (answer.memo == 7 && request.headers.has(X_TWICE) && park(8, 5000)) return Verdict.Wait;
    if (answer.timedOut) return refuse(DENIED);
    request.headers.add(X_WOKEN, bytes("1"));
    return Verdict.Continue;
  }

  onTick(): void {
    told += "tick;";
    if (wakesOnTick) wakeParked();
  }

  onParked(): void {
    told += "parked;";
    if (wakesBetween) wakeParked();
  }

  onBackground(_answer: CallAnswer): void {
    wakeParked();
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

  onParked(): void {
    told += "not mine;";
  }
}

function refuse(details: u64): Verdict {
  reply.status = 503;
  reply.details = details;
  reply.body = ABSENT;
  reply.headers = ABSENT;
  return Verdict.Reply;
}

registerFilter("parking", () => new Parking());
registerFilter("marking", () => new Marking());
registerSuite();

const SUITE = '{"filters":[{"marking":{}},{"parking":{}},{"marking":{}}]}';

function configure(id: u32): void {
  const document = bytes(SUITE);
  hostHasBuffer(BufferTypeValues.PluginConfiguration, document);
  same(proxy_on_configure(id, <u32>document), true);
}

function plugin(id: u32): void {
  hostHasProperty("plugin_root_id", bytes("suite"));
  proxy_on_context_create(id, 0);
  configure(id);
}

function request(id: u32, lines: string): u32 {
  hostHasHeaders(":method=GET\n" + lines);
  proxy_on_context_create(id, 1);
  return proxy_on_request_headers(id, 1, 1);
}

let time: u64 = 0;

/** A tick, so many milliseconds later. */
function tick(milliseconds: u64): void {
  time += milliseconds * 1000000;
  hostHasTime(time);
  hostHasHeaders(":method=GET\nx-park=1");
  proxy_on_tick(1);
}

/** How many requests were continued. */
function continued(): i32 {
  return callsOf("proxy_continue_stream");
}

const STOP: u32 = FilterHeadersStatusValues.StopIteration;

describe("a request that is parked", () => {
  beforeEach(() => {
    resetHost();
    wakesOnTick = false;
    wakesBetween = false;
    told = "";
    time = 1000000000000;
    hostHasTime(time);
    plugin(1);
  });

  afterEach(() => {
    proxy_on_delete(1);
  });

  it("is held until its filter wakes it, and goes on through the filters behind", () => {
    expect(request(20, "x-park=1")).toBe(STOP);
    expect(host("headers 0")).toBe(":method=GET\nx-park=1\nx-seen=1");
    expect(host("effects")).toBe("");
    wakesBetween = true;
    tick(50);
    expect(told).toBe("parked;7;");
    expect(host("effects")).toBe("effective 20\ncontinue 0");
    expect(host("headers 0")).toBe(":method=GET\nx-park=1\nx-woken=1\nx-seen=1");
    tick(50);
    expect(continued()).toBe(1);
  });

  it("makes its root tick faster, with a tick for the others once a second, and no longer than it waits", () => {
    expect(host("tick")).toBe("1000");
    request(20, "x-park=1");
    expect(host("tick")).toBe("50");
    for (let at = 0; at < 20; at++) tick(50);
    expect(told).toBe("parked;".repeat(19) + "tick;");
    wakesBetween = true;
    tick(50);
    expect(host("tick")).toBe("1000");
    told = "";
    tick(1000);
    expect(told).toBe("tick;");
  });

  it("is woken with the answer to a call in the background", () => {
    request(20, "x-park=1");
    request(21, "x-ask=1");
    hostHasHeaders(":method=GET\nx-park=1");
    proxy_on_grpc_receive(1, 5, 0);
    expect(told).toBe("7;");
    expect(host("effects")).toBe("effective 20\ncontinue 0");
    expect(host("tick")).toBe("1000");
  });

  it("is woken when its time is up, and may not be parked again", () => {
    request(20, "x-park=1\nx-twice=1");
    tick(4999);
    expect(continued()).toBe(0);
    told = "";
    hostHasHeaders(":method=GET\nx-park=1\nx-twice=1");
    time += 1000000;
    hostHasTime(time);
    proxy_on_tick(1);
    expect(told).toBe("parked;7 late;");
    expect(host("responses")).toBe("503 parking:denied  -1");
  });

  it("may be parked again, but waits no longer than it was to wait at first", () => {
    request(20, "x-park=1\nx-twice=1");
    wakesOnTick = true;
    time += 3000000000;
    hostHasTime(time);
    hostHasHeaders(":method=GET\nx-park=1\nx-twice=1");
    proxy_on_tick(1);
    expect(told).toBe("tick;7;");
    wakesOnTick = false;
    told = "";
    tick(1999);
    expect(told).toBe("tick;");
    told = "";
    tick(1);
    expect(told).toBe("parked;8 late;");
    expect(host("responses")).toBe("503 parking:denied  -1");
  });

  it("is forgotten when its client has gone: on the next second, or when it is woken", () => {
    request(20, "x-park=1");
    hostForgets(20);
    tick(1000);
    expect(host("tick")).toBe("1000");
    request(21, "x-park=1");
    hostForgets(21);
    wakesBetween = true;
    tick(50);
    expect(host("tick")).toBe("1000");
    expect(told).toBe("tick;parked;");
    expect(continued()).toBe(0);
    expect(host("responses")).toBe("");
  });

  it("is answered with 500 when a new configuration has come", () => {
    request(20, "x-park=1");
    configure(1);
    tick(1000);
    expect(told).toBe("tick;");
    expect(host("responses")).toBe("500 outrigger:internal  -1");
    expect(host("tick")).toBe("1000");
  });

  it("is answered with 500 when its headers are gone", () => {
    request(20, "x-park=1");
    wakesBetween = true;
    time += 50000000;
    hostHasTime(time);
    hostHasHeaders("");
    proxy_on_tick(1);
    expect(host("responses")).toBe("500 outrigger:internal  -1");
  });

  it("is one of a bounded number, and goes with its root context", () => {
    for (let id: u32 = 20; id < 4116; id++) same(request(id, "x-park=1"), STOP);
    expect(host("responses")).toBe("");
    request(4116, "x-park=1");
    expect(host("responses")).toBe("503 parking:full  -1");
    proxy_on_delete(1);
    plugin(1);
    request(4117, "x-park=1");
    expect(host("responses")).toBe("503 parking:full  -1");
  });

  it("is woken with some of the others, and the rest on the next ticks, which come at once", () => {
    for (let id: u32 = 20; id < 120; id++) request(id, "x-park=1");
    wakesBetween = true;
    tick(50);
    const atOnce = continued();
    expect(atOnce).toBe(32);
    expect(host("tick")).toBe("1");
    wakesBetween = false;
    tick(1);
    expect(continued()).toBe(64);
    tick(1);
    tick(1);
    expect(continued()).toBe(100);
    expect(host("tick")).toBe("1000");
  });
});
