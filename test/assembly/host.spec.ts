import { BufferTypeValues, HeaderMapTypeValues, WasmResultValues } from "../../assembly/abi/values";
import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, literal } from "../../assembly/bytes/bytes";
import {
  appendToBuffer,
  getBuffer,
  getBufferSize,
  prependToBuffer,
  replaceBuffer,
  setBuffer,
} from "../../assembly/host/buffers";
import { monotonicNow, now, setTickPeriod } from "../../assembly/host/clock";
import { callForeignFunction, clearRouteCache, foreignResult } from "../../assembly/host/foreign";
import { getFirstHeader, getHeaderBytes, getHeaderPairs } from "../../assembly/host/headers";
import { sendLocalResponse } from "../../assembly/host/local-response";
import { getProperty, setProperty } from "../../assembly/host/properties";
import { getSharedData, setSharedData, sharedDataCas } from "../../assembly/host/shared-data";
import { integerProperty, peerCertificateUri, routeName, sourceAddress } from "../../assembly/properties";
import { connectionIsMtls, listenerDirection, responseCode } from "../../assembly/stream-properties";
import { host, hostHasBuffer, hostHasHeaders, hostHasProperty, hostHasTime, resetHost } from "./mock-host";
import { bytes, raw, text } from "./texts";

const BODY = BufferTypeValues.HttpRequestBody;

function body(): string {
  return host("buffer 0");
}

describe("a buffer", () => {
  beforeEach(() => {
    resetHost();
    resetArena();
  });

  it("is absent where the host has none, and empty where it is", () => {
    expect(getBuffer(BODY, 0, 100)).toBe(ABSENT);
    expect(getBufferSize(BODY)).toBe(0);
    hostHasBuffer(BODY, bytes(""));
    expect(text(getBuffer(BODY, 0, 100))).toBe("");
  });

  it("that is empty does not show what was read before", () => {
    hostHasBuffer(BODY, bytes("before"));
    expect(text(getBuffer(BODY, 0, 100))).toBe("before");
    hostHasBuffer(BODY, bytes(""));
    expect(text(getBuffer(BODY, 0, 100))).toBe("");
  });

  it("is read in parts", () => {
    hostHasBuffer(BODY, bytes("abcdef"));
    expect(getBufferSize(BODY)).toBe(6);
    expect(text(getBuffer(BODY, 2, 3))).toBe("cde");
    expect(text(getBuffer(BODY, 4, 100))).toBe("ef");
  });

  it("is replaced, appended to and prepended to", () => {
    hostHasBuffer(BODY, bytes("body"));
    prependToBuffer(BODY, bytes("<"));
    appendToBuffer(BODY, bytes(">"));
    expect(body()).toBe("<body>");
    setBuffer(BODY, 1, 2, bytes("X"));
    expect(body()).toBe("<Xdy>");
    replaceBuffer(BODY, bytes("new"));
    expect(body()).toBe("new");
  });
});

describe("a property", () => {
  beforeEach(() => {
    resetHost();
    resetArena();
  });

  it("is absent, empty or has a value", () => {
    expect(getProperty(bytes("xds\0route_name"))).toBe(ABSENT);
    hostHasProperty("xds\0route_name", bytes(""));
    expect(routeName()).not.toBe(ABSENT);
    expect(text(routeName())).toBe("");
    hostHasProperty("xds\0route_name", bytes("default"));
    expect(text(routeName())).toBe("default");
  });

  it("is set at the host", () => {
    setProperty(bytes("outrigger.authz"), bytes("authz:deny"));
    expect(host("property outrigger.authz")).toBe("authz:deny");
  });

  it("that is an integer has 8 bytes, and is 0 where it has not", () => {
    expect(listenerDirection()).toBe(0);
    hostHasProperty("xds\0listener_direction", raw([2, 0, 0, 0, 0, 0, 0, 0]));
    expect(listenerDirection()).toBe(2);
    hostHasProperty("xds\0listener_direction", raw([2, 0, 0, 0]));
    expect(listenerDirection()).toBe(0);
    hostHasProperty("response\0code", raw([0xf7, 1, 0, 0, 0, 0, 0, 0]));
    expect(responseCode()).toBe(503);
    hostHasProperty("a\0b\0c", raw([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    expect(integerProperty(literal("a\0b\0c"))).toBe(-1);
  });

  it("that is a boolean is true for one byte that is not 0", () => {
    expect(connectionIsMtls()).toBe(false);
    hostHasProperty("connection\0mtls", raw([1]));
    expect(connectionIsMtls()).toBe(true);
    hostHasProperty("connection\0mtls", raw([0]));
    expect(connectionIsMtls()).toBe(false);
    hostHasProperty("connection\0mtls", raw([]));
    expect(connectionIsMtls()).toBe(false);
  });

  it("has the path that Envoy documents", () => {
    hostHasProperty("source\0address", bytes("10.0.0.1:4242"));
    hostHasProperty("connection\0uri_san_peer_certificate", bytes("spiffe://cluster.local/ns/a/sa/b"));
    expect(text(sourceAddress())).toBe("10.0.0.1:4242");
    expect(text(peerCertificateUri())).toBe("spiffe://cluster.local/ns/a/sa/b");
  });
});

describe("shared data", () => {
  beforeEach(() => {
    resetHost();
    resetArena();
  });

  it("is absent until it is set", () => {
    const key = bytes("outrigger/test");
    expect(getSharedData(key)).toBe(ABSENT);
    expect(setSharedData(key, bytes("one"), 0)).toBe(WasmResultValues.Ok);
    expect(text(getSharedData(key))).toBe("one");
    expect(sharedDataCas()).toBe(1);
  });

  it("is set only with the number that came with it", () => {
    const key = bytes("outrigger/test");
    setSharedData(key, bytes("one"), 0);
    getSharedData(key);
    const cas = sharedDataCas();
    expect(setSharedData(key, bytes("two"), cas)).toBe(WasmResultValues.Ok);
    expect(setSharedData(key, bytes("three"), cas)).toBe(WasmResultValues.CasMismatch);
    expect(text(getSharedData(key))).toBe("two");
  });

  it("may be empty", () => {
    const key = bytes("outrigger/test");
    setSharedData(key, bytes(""), 0);
    expect(getSharedData(key)).not.toBe(ABSENT);
    expect(text(getSharedData(key))).toBe("");
  });
});

describe("other host functions", () => {
  beforeEach(() => {
    resetHost();
    resetArena();
  });

  it("tell the time in 64 bits", () => {
    hostHasTime(1800000000123456789);
    expect(now()).toBe(1800000000123456789);
    expect(monotonicNow()).toBe(1800000000123456789);
  });

  it("set the period of the tick", () => {
    setTickPeriod(1000);
    expect(host("tick")).toBe("1000");
  });

  it("answer a request, with and without a body and a gRPC status", () => {
    sendLocalResponse(403, bytes("authz:deny"), bytes("no"), ABSENT);
    sendLocalResponse(500, bytes("x"), ABSENT, ABSENT, 13);
    expect(host("responses")).toBe("403 authz:deny no -1\n500 x  13");
  });

  it("call foreign functions, and say why when they cannot", () => {
    expect(clearRouteCache()).toBe(WasmResultValues.Ok);
    expect(host("foreign")).toBe("clear_route_cache()");
    expect(callForeignFunction(bytes("none"), bytes("x"))).toBe(ABSENT);
    expect(foreignResult).toBe(WasmResultValues.NotFound);
    expect(callForeignFunction(bytes("clear_route_cache"), bytes("x"))).not.toBe(ABSENT);
    expect(host("foreign")).toBe("clear_route_cache()\nclear_route_cache(x)");
  });

  it("give headers one by one and in all", () => {
    expect(getHeaderPairs(HeaderMapTypeValues.RequestHeaders)).toBe(ABSENT);
    expect(getHeaderBytes(HeaderMapTypeValues.RequestHeaders)).toBe(0);
    hostHasHeaders("a=1\nbb=22\na=3");
    expect(getHeaderBytes(HeaderMapTypeValues.RequestHeaders)).toBe(8);
    expect(text(getFirstHeader(HeaderMapTypeValues.RequestHeaders, bytes("a")))).toBe("1");
    expect(getFirstHeader(HeaderMapTypeValues.RequestHeaders, bytes("c"))).toBe(ABSENT);
  });
});
