import { describe, expect, test } from "vitest";
import {
  Code,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RateLimitRequest,
  type RateLimitResponse,
} from "../../cli/ratelimit-service/messages.ts";

const REQUEST: RateLimitRequest = {
  domain: "d",
  descriptors: [
    {
      entries: [
        { key: "a", value: "ü" },
        { key: "b", value: "" },
      ],
      limit: { requestsPerUnit: 300, unit: 2 },
      hitsAddend: 2n ** 64n - 1n,
    },
    { entries: [], limit: null, hitsAddend: 0n },
  ],
  hitsAddend: 7,
};

const RESPONSE: RateLimitResponse = {
  overallCode: Code.OverLimit,
  statuses: [
    {
      code: Code.OverLimit,
      currentLimit: { requestsPerUnit: 5, unit: 3, name: "n" },
      limitRemaining: 4,
      durationUntilReset: { seconds: 3600, nanos: 5 },
    },
    { code: Code.Ok, currentLimit: null, limitRemaining: 2 ** 32 - 1, durationUntilReset: null },
  ],
  responseHeadersToAdd: [{ key: "x", value: "y", rawValue: new Uint8Array() }],
  requestHeadersToAdd: [{ key: "z", value: "", rawValue: new Uint8Array([0xff]) }],
  rawBody: new Uint8Array([1, 2]),
  dynamicMetadata: new Uint8Array(),
};

test("messages have the bytes that protoc writes", () => {
  // printf 'domain:"d" descriptors{entries{key:"a" value:"b"} hits_addend{value:300}} hits_addend:1' | protoc --encode=..
  const bytes = encodeRequest({
    domain: "d",
    descriptors: [{ entries: [{ key: "a", value: "b" }], limit: null, hitsAddend: 300n }],
    hitsAddend: 1,
  });
  expect(Buffer.from(bytes).toString("hex")).toBe("0a0164120d0a060a0161120162" + "1a0308ac02" + "1801");
});

test("a request and a response come back as they went", () => {
  expect(decodeRequest(encodeRequest(REQUEST))).toEqual(REQUEST);
  expect(decodeResponse(encodeResponse(RESPONSE))).toEqual(RESPONSE);
});

describe("bytes from elsewhere", () => {
  test("may have fields of a later version", () => {
    const later = [
      0x98,
      0x06,
      0x01,
      0x9a,
      0x06,
      0x00,
      0x9d,
      0x06,
      0,
      0,
      0,
      0,
      0x99,
      0x06,
      ...Array<number>(8).fill(0),
    ];
    expect(decodeRequest(new Uint8Array([...later, ...encodeRequest(REQUEST)]))).toEqual(REQUEST);
  });

  test.each([
    ["cut off in a number", [0x18, 0x80]],
    ["cut off in a text", [0x0a, 0x05, 0x64]],
    ["cut off in a fixed number", [0x99, 0x06, 0]],
    ["a number where a text is", [0x08, 0x01]],
    ["a text where a number is", [0x1a, 0x00]],
    ["a text that is not UTF-8", [0x0a, 0x01, 0xff]],
    ["the field number 0", [0x00, 0x00]],
    ["a group", [0x9b, 0x06, 0x9c, 0x06]],
    ["a number that never ends", Array<number>(11).fill(0xff)],
  ])("are refused: %s", (_name, bytes) => {
    expect(() => decodeRequest(new Uint8Array(bytes))).toThrow(
      expect.objectContaining({ name: "WireError" }),
    );
  });

  test("any of them is read or refused, and nothing else", () => {
    const whole = encodeRequest(REQUEST);
    let refused = 0;
    for (let at = 0; at < whole.length * 256; at++) {
      const changed = whole.slice();
      changed[at >> 8] = at & 0xff;
      try {
        decodeRequest(changed);
      } catch (error) {
        expect((error as Error).name).toBe("WireError");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});
