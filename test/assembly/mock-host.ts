/** What tests say to the mock host (`mock-host.mjs`), and what they ask it. */
import { BufferTypeValues, HeaderMapTypeValues, WasmResultValues } from "../../assembly/abi/values";
import { Bytes, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { bytes } from "./texts";

// @ts-ignore: decorator
@external("mock", "reset")
declare function mockReset(): void;
// @ts-ignore: decorator
@external("mock", "setHeaders")
declare function mockSetHeaders(map: u32, pointer: usize, length: u32): void;
// @ts-ignore: decorator
@external("mock", "setPairs")
declare function mockSetPairs(map: u32, pointer: usize, length: u32): void;
// @ts-ignore: decorator
@external("mock", "setBuffer")
declare function mockSetBuffer(buffer: u32, pointer: usize, length: u32): void;
// @ts-ignore: decorator
@external("mock", "setProperty")
declare function mockSetProperty(path: usize, pathLength: u32, value: usize, length: u32): void;
// @ts-ignore: decorator
@external("mock", "setLogLevel")
declare function mockSetLogLevel(level: i32): void;
// @ts-ignore: decorator
@external("mock", "setCallResult")
declare function mockSetCallResult(result: u32): void;
// @ts-ignore: decorator
@external("mock", "forgetContext")
declare function mockForgetContext(id: u32): void;
// @ts-ignore: decorator
@external("mock", "setTime")
declare function mockSetTime(time: u64): void;
// @ts-ignore: decorator
@external("mock", "ask")
declare function mockAsk(pointer: usize, length: u32): u32;
// @ts-ignore: decorator
@external("mock", "read")
declare function mockRead(pointer: usize): void;

/** A host that knows nothing yet. */
export function resetHost(): void {
  mockReset();
}

/** The host's map has these headers: lines of `name=value`. */
export function hostHasHeaders(
  lines: string,
  map: HeaderMapTypeValues = HeaderMapTypeValues.RequestHeaders,
): void {
  const text = String.UTF8.encode(lines);
  mockSetHeaders(map, changetype<usize>(text), text.byteLength);
}

/** The host gives these bytes for its request headers, whatever they are. */
export function hostHasPairs(pairs: Bytes): void {
  mockSetPairs(HeaderMapTypeValues.RequestHeaders, pointerOf(pairs), lengthOf(pairs));
}

export function hostHasBuffer(buffer: BufferTypeValues, data: Bytes): void {
  mockSetBuffer(buffer, pointerOf(data), lengthOf(data));
}

export function hostHasProperty(path: string, value: Bytes): void {
  const name = bytes(path);
  mockSetProperty(pointerOf(name), lengthOf(name), pointerOf(value), lengthOf(value));
}

/** Below 0 the host answers with an error. */
export function hostHasLogLevel(level: i32): void {
  mockSetLogLevel(level);
}

/** What calls answer from now on. */
export function hostAnswersCalls(result: WasmResultValues): void {
  mockSetCallResult(result);
}

/** The host knows the context no more. */
export function hostForgets(context: u32): void {
  mockForgetContext(context);
}

export function hostHasTime(time: u64): void {
  mockSetTime(time);
}

/** `headers <map>`, `metrics`, `logs`, `responses`, `foreign`, `sent`, `effects`, `tick`, `property <path>`, `buffer <type>`, `calls [name]`. */
export function host(question: string): string {
  const text = String.UTF8.encode(question);
  const length = mockAsk(changetype<usize>(text), text.byteLength);
  const answer = new ArrayBuffer(length);
  mockRead(changetype<usize>(answer));
  return String.UTF8.decode(answer);
}

/** How often the host function was called. */
export function callsOf(name: string): i32 {
  const calls = host("calls " + name);
  return calls.length == 0 ? 0 : calls.split("\n").length;
}
