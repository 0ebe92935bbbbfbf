import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  Bytes,
  bytesOf,
  copyTo,
  equals,
  indexOfByte,
  lengthOf,
  pointerOf,
  slice,
} from "../../../assembly/bytes/bytes";
import { Change } from "./change";
import { decision, Mutation } from "./decision";

const QUESTION: u8 = 0x3f;
const AMPERSAND: u8 = 0x26;
const EQUAL: u8 = 0x3d;

/**
 * The request target with the query parameters set and removed that `decision` names, in the arena: those that are set first, as in Envoy.
 * Names are compared as they stand there, not decoded (`QueryParamsMulti`). Parameters keep their order, where Envoy would sort them all by
 * name, and those that nobody changes stay as they were, byte for byte; an `&` behind the last one goes.
 */
export function changeQuery(target: Bytes): Bytes {
  let room = lengthOf(target);
  for (let at: u32 = 0; at < decision.count; at++) {
    const mutation = decision.at(at);
    if (mutation.kind == Change.SetQuery) room += lengthOf(mutation.name) + lengthOf(mutation.value) + 2;
  }
  // What was written by one change is read by the next.
  let from = arenaAllocate(room);
  let to = arenaAllocate(room);
  let length = copyTo(from, target);
  for (let kind = Change.SetQuery; kind <= Change.RemoveQuery; kind++) {
    for (let at: u32 = 0; at < decision.count; at++) {
      const mutation = decision.at(at);
      if (mutation.kind != kind) continue;
      length = changeOne(bytesOf(from, length), mutation, to);
      const other = from;
      from = to;
      to = other;
    }
  }
  return bytesOf(from, length);
}

/** Writes the target with one parameter set or removed to `to`; answers how long it is. */
function changeOne(target: Bytes, mutation: Mutation, to: usize): u32 {
  const mark = indexOfByte(target, QUESTION);
  const pathEnd = mark < 0 ? lengthOf(target) : <u32>mark;
  let top = to + copyTo(to, slice(target, 0, pathEnd));
  let separator = QUESTION;
  let isSet = mutation.kind == Change.SetQuery;
  for (let start = pathEnd + 1; start < lengthOf(target);) {
    const found = indexOfByte(target, AMPERSAND, start);
    const end = found < 0 ? lengthOf(target) : <u32>found;
    const parameter = slice(target, start, end);
    start = end + 1;
    if (!equals(nameIn(parameter), mutation.name)) {
      store<u8>(top++, separator);
      top += copyTo(top, parameter);
    } else if (isSet) {
      // In the place of the first one; others of its name go.
      isSet = false;
      top = write(top, separator, mutation);
    } else continue;
    separator = AMPERSAND;
  }
  if (isSet) top = write(top, separator, mutation);
  return <u32>(top - to);
}

function write(at: usize, separator: u8, mutation: Mutation): usize {
  store<u8>(at, separator);
  let top = at + 1 + copyTo(at + 1, mutation.name);
  store<u8>(top++, EQUAL);
  return top + copyTo(top, mutation.value);
}

function nameIn(parameter: Bytes): Bytes {
  const equal = indexOfByte(parameter, EQUAL);
  return equal < 0 ? parameter : bytesOf(pointerOf(parameter), equal);
}
