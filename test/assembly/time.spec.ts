import { parseDuration } from "../../assembly/json/duration";
import { parseTimestamp } from "../../assembly/json/timestamp";
import { bytes } from "./texts";

function isNoTime(text: string): void {
  expect(isNaN(parseTimestamp(bytes(text)))).toBe(true, text);
}

function isNoDuration(text: string): void {
  expect(isNaN(parseDuration(bytes(text)))).toBe(true, text);
}

describe("a timestamp of RFC 3339", () => {
  it("is milliseconds since 1970", () => {
    expect(parseTimestamp(bytes("1970-01-01T00:00:00Z"))).toBe(0);
    expect(parseTimestamp(bytes("1969-12-31T23:59:59Z"))).toBe(-1000);
    expect(parseTimestamp(bytes("2026-12-31T00:00:00Z"))).toBe(1798675200000);
    expect(parseTimestamp(bytes("2000-02-29T12:34:56.789Z"))).toBe(951827696789);
    expect(parseTimestamp(bytes("0000-01-01T00:00:00Z"))).toBe(-62167219200000);
    expect(parseTimestamp(bytes("9999-12-31T23:59:59Z"))).toBe(253402300799000);
  });

  it("has an offset, and letters of either case", () => {
    expect(parseTimestamp(bytes("2026-12-31t02:00:00+02:00"))).toBe(1798675200000);
    expect(parseTimestamp(bytes("2026-12-30T18:30:00-05:30"))).toBe(1798675200000);
    expect(parseTimestamp(bytes("2026-12-31T00:00:00z"))).toBe(1798675200000);
  });

  it("may have a leap second, which is the first one of the next minute", () => {
    expect(parseTimestamp(bytes("2016-12-31T23:59:60Z"))).toBe(1483228800000);
  });

  it("knows the days of each month", () => {
    isNoTime("2026-02-29T00:00:00Z");
    isNoTime("1900-02-29T00:00:00Z");
    isNoTime("2026-04-31T00:00:00Z");
    isNoTime("2026-12-32T00:00:00Z");
    isNoTime("2026-00-01T00:00:00Z");
    isNoTime("2026-13-01T00:00:00Z");
    isNoTime("2026-01-00T00:00:00Z");
    expect(isNaN(parseTimestamp(bytes("2024-02-29T00:00:00Z")))).toBe(false);
    expect(isNaN(parseTimestamp(bytes("2026-12-31T00:00:00Z")))).toBe(false);
  });

  it("is nothing else", () => {
    const wrong = [
      "",
      "2026-12-31",
      "2026-12-31T00:00:00",
      "2026-12-31 00:00:00Z",
      "2026-12-31T24:00:00Z",
      "2026-12-31T00:60:00Z",
      "2026-12-31T00:00:61Z",
      "2026-12-31T00:00:00.Z",
      "2026-12-31T00:00:00,5Z",
      "2026-12-31T00:00:00+0200",
      "2026-12-31T00:00:00+24:00",
      "2026-12-31T00:00:00+02:60",
      "2026-12-31T00:00:00Zx",
      "2026-1-31T00:00:00Z",
      "+026-12-31T00:00:00Z",
      "dddd-dd-ddTdd:dd:ddZ",
    ];
    for (let at = 0; at < wrong.length; at++) isNoTime(wrong[at]);
  });
});

describe("a duration", () => {
  it("is a number with a unit", () => {
    expect(parseDuration(bytes("10ms"))).toBe(10);
    expect(parseDuration(bytes("1.5s"))).toBe(1500);
    expect(parseDuration(bytes("15m"))).toBe(900000);
    expect(parseDuration(bytes("1h"))).toBe(3600000);
    expect(parseDuration(bytes("0s"))).toBe(0);
    expect(parseDuration(bytes("007s"))).toBe(7000);
  });

  it("is nothing else", () => {
    const wrong = [
      "",
      "s",
      "10",
      ".5s",
      "5.s",
      "1..5s",
      "1.5.5s",
      "1e3s",
      "-1s",
      "1 s",
      "1S",
      "1d",
      "1s ",
      "1hm",
    ];
    for (let at = 0; at < wrong.length; at++) isNoDuration(wrong[at]);
  });
});
