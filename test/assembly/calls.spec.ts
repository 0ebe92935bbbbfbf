import {
  findCall,
  memoOfCall,
  streamOfCall,
  trackCall,
  untrackCall,
  untrackCallsOf,
  mayTrackCall,
} from "../../assembly/abi/calls";
import { ABSENT, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { grpcTarget } from "../../assembly/host/grpc";
import { pairs } from "../../assembly/host/pairs";
import { readPairs } from "../../assembly/stream-context";
import { same } from "./same";
import { bytes } from "./texts";

describe("the table of calls", () => {
  afterEach(() => {
    untrackCallsOf(1);
    untrackCallsOf(2);
  });

  it("knows who waits, until somebody has been told", () => {
    trackCall(4, 1, 20, 3, 99, 0);
    const entry = findCall(4);
    expect(streamOfCall(entry)).toBe(20);
    expect(memoOfCall(entry)).toBe(99);
    untrackCall(entry);
    expect(findCall(4)).toBe(0);
  });

  it("knows nothing of tokens that nobody waits for, and of the token of no call", () => {
    expect(findCall(4)).toBe(0);
    trackCall(4, 1, 20, 0, 0, 0);
    expect(findCall(0)).toBe(0);
    expect(findCall(8)).toBe(0);
    expect(findCall(5)).toBe(0);
  });

  it("keeps many of all kinds apart, in whatever order they are answered", () => {
    for (let number: u32 = 1; number <= 1000; number++)
      trackCall(number * 4 + (number % 2), 1, number, 0, number * 7, 0);
    for (let number: u32 = 1; number <= 1000; number += 3) untrackCall(findCall(number * 4 + (number % 2)));
    for (let number: u32 = 1; number <= 1000; number++) {
      const entry = findCall(number * 4 + (number % 2));
      if (number % 3 == 1) same(entry, <usize>0);
      else same(memoOfCall(entry), number * 7);
    }
  });

  it("forgets those of a root context alone", () => {
    for (let number: u32 = 1; number <= 300; number++)
      trackCall(number * 4, 1 + (number & 1), number, 0, 0, 0);
    untrackCallsOf(1);
    for (let number: u32 = 1; number <= 300; number++) same(findCall(number * 4) != 0, (number & 1) == 1);
  });

  it("is bounded", () => {
    for (let number: u32 = 1; number <= 8192; number++) {
      same(mayTrackCall(), true);
      trackCall(number * 4, 1, number, 0, 0, 0);
    }
    expect(mayTrackCall()).toBe(false);
    untrackCall(findCall(4));
    expect(mayTrackCall()).toBe(true);
  });
});

describe("the target of a gRPC call", () => {
  it("is a GrpcService with the cluster's name", () => {
    const target = grpcTarget(bytes("abc"));
    expect(lengthOf(target)).toBe(7);
    const wanted: u8[] = [0x0a, 5, 0x0a, 3, 0x61, 0x62, 0x63];
    for (let at = 0; at < 7; at++) same(load<u8>(pointerOf(target) + at), wanted[at]);
  });

  it("takes long names", () => {
    const name = bytes("a".repeat(200));
    const target = grpcTarget(name);
    // Two bytes for each length from 128 on: tag, 203 as varint, tag, 200 as varint.
    expect(lengthOf(target)).toBe(206);
    const wanted: u8[] = [0x0a, 0xcb, 0x01, 0x0a, 0xc8, 0x01, 0x61];
    for (let at = 0; at < 7; at++) same(load<u8>(pointerOf(target) + at), wanted[at]);
  });

  it("has the authority that the server is to get", () => {
    const target = grpcTarget(bytes("abc"), bytes("h.i"));
    expect(lengthOf(target)).toBe(12);
    const wanted: u8[] = [0x0a, 10, 0x0a, 3, 0x61, 0x62, 0x63, 0x12, 3, 0x68, 0x2e, 0x69];
    for (let at = 0; at < 12; at++) same(load<u8>(pointerOf(target) + at), wanted[at]);
  });

  it("is none for an empty name, which would end the proxy", () => {
    expect(grpcTarget(bytes(""))).toBe(ABSENT);
    expect(grpcTarget(ABSENT)).toBe(ABSENT);
  });
});

describe("a block of pairs", () => {
  it("is read back as it was written, however many they are", () => {
    const counts: i32[] = [0, 1, 2, 16, 17, 100];
    for (let at = 0; at < counts.length; at++) {
      pairs.begin();
      for (let i = 0; i < counts[at]; i++) pairs.add(bytes("x-" + i.toString()), bytes("v".repeat(i)));
      const read = readPairs(pairs.finish());
      same(read.length, counts[at]);
      for (let i = 0; i < counts[at]; i++) {
        same(read[i].key, "x-" + i.toString());
        same(read[i].value, "v".repeat(i));
      }
    }
  });
});
