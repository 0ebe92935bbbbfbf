/** Operations on the stream itself: local replies, continuing, properties. */
import {
  proxy_close_stream,
  proxy_continue_stream,
  proxy_done,
  proxy_get_property,
  proxy_get_status,
  proxy_set_effective_context,
} from "../../../assembly/abi/imports";
import { GrpcStatusValues, WasmResultValues } from "../../../assembly/abi/values";
import { ABSENT, Bytes, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { continueRequest, continueResponse, sendLocalResponse } from "../../../assembly/host/local-response";
import { getProperty, setProperty } from "../../../assembly/host/properties";
import { returnedLength, returnedPointer, returnedU32 } from "../../../assembly/host/returned";
import { send_local_response } from "../../../assembly/local-response";
import { integerProperty } from "../../../assembly/properties";
import { writePairs } from "../../../assembly/stream-context";
import { pairsOf } from "./headers";
import { Arguments, nameOf, show } from "./script";

/** What the operation came to; null for one that is not of streams. */
export function streamOperation(operation: string, given: Arguments): string | null {
  if (operation == "reply")
    return nameOf(
      sendLocalResponse(
        <u32>given.number(0),
        given.bytes(1),
        given.bytes(2),
        writePairs(pairsOf(given, 4)),
        grpcStatus(given),
      ),
    );
  if (operation == "text-reply")
    return nameOf(
      send_local_response(
        <u32>given.number(0),
        given.text(1),
        given.text(2),
        pairsOf(given, 4),
        grpcStatus(given),
      ),
    );
  // Without the place for header pairs.
  if (operation == "bare-reply")
    return nameOf(sendLocalResponse(<u32>given.number(0), ABSENT, ABSENT, ABSENT));
  if (operation == "continue-request") return nameOf(continueRequest());
  if (operation == "continue-response") return nameOf(continueResponse());
  if (operation == "continue-stream") return nameOf(proxy_continue_stream(<u32>given.number(0)));
  if (operation == "close-stream") return nameOf(proxy_close_stream(<u32>given.number(0)));
  if (operation == "property") return property(path(given));
  if (operation == "property-length") return lengthOf(getProperty(path(given))).toString();
  if (operation == "integer") return integerProperty(path(given)).toString();
  if (operation == "set-property") return nameOf(setProperty(path(given), given.bytes(1)));
  if (operation == "effective-context") return nameOf(proxy_set_effective_context(<u32>given.number(0)));
  if (operation == "done") return nameOf(proxy_done());
  if (operation == "status") return status();
  return null;
}

function grpcStatus(given: Arguments): GrpcStatusValues {
  return given.count > 3 ? <GrpcStatusValues>given.number(3) : GrpcStatusValues.InvalidCode;
}

/** The path's segments are joined by `/` in a script, by NUL in the ABI. */
function path(given: Arguments): Bytes {
  const bytes = given.bytes(0);
  for (let at: u32 = 0; at < lengthOf(bytes); at++)
    if (load<u8>(pointerOf(bytes) + at) == 0x2f) store<u8>(pointerOf(bytes) + at, 0);
  return bytes;
}

/** The value, or what the host answered instead. */
function property(path: Bytes): string {
  const value = getProperty(path);
  if (value != ABSENT) return show(value);
  return nameOf(proxy_get_property(pointerOf(path), lengthOf(path), returnedPointer(), returnedLength()));
}

function status(): string {
  // The number, then the message's pointer and length.
  const message: usize = memory.data(8, 4);
  const answer = proxy_get_status(returnedPointer(), message, message + 4);
  if (answer != WasmResultValues.Ok) return nameOf(answer);
  return returnedU32().toString() + " " + load<u32>(message, 4).toString();
}
