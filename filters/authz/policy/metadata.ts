import { proxy_get_property } from "../../../assembly/abi/imports";
import { WasmResultValues } from "../../../assembly/abi/values";
import { concatenate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  equals,
  lengthOf,
  literal,
  pointerOf,
} from "../../../assembly/bytes/bytes";
import { isUtf8 } from "../../../assembly/bytes/utf8";
import { countElements, elementLength, firstElement, isStructure, valuePath } from "../../../assembly/claims";
import { returnedBytes, returnedLength, returnedPointer } from "../../../assembly/host/returned";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { Attribute, internAttribute } from "../../../assembly/match/attribute";
import { RequestView } from "../../../assembly/request-view";
import { ClaimKind } from "../claims";
import { askProperty, doubt } from "./attributes";

/** Dynamic metadata of a request, as policies compare it. Its {@link name} is the property's path, with that of a list's first element behind it. */
@final
export class MetadataAttribute extends Attribute {
  /** What was read last. */
  kind: ClaimKind = ClaimKind.Absent;
  private list: Bytes = ABSENT;
  /** Where {@link element} goes on: an element, and where it starts. */
  private position: u32 = 0;
  private start: usize = 0;

  /** A configuration's attribute for what a filter has left under these names, one inside the other. */
  static of(reader: ConfigReader, filter: Bytes, names: StaticArray<Bytes>): MetadataAttribute {
    let path = concatenate(METADATA, filter, ABSENT);
    for (let at = 0; at < names.length; at++) path = concatenate(path, NUL, names[at]);
    const attribute = new MetadataAttribute(reader.keeper.keep(concatenate(path, FIRST, ABSENT)));
    return changetype<MetadataAttribute>(internAttribute(reader, attribute));
  }

  find(_request: RequestView): Bytes {
    const value = this.ask();
    this.kind = value == ABSENT ? ClaimKind.Absent : this.kindOf(value);
    if (doubt.failed) this.forget();
    return value;
  }

  /** How many elements a {@link ClaimKind.List} has. */
  get count(): u32 {
    return countElements(this.list);
  }

  /** One of them; {@link ABSENT} for what is no text. */
  element(at: u32): Bytes {
    const list = this.list;
    if (at < this.position) this.toFirst();
    for (; this.position < at; this.position++) this.start += elementLength(list, this.position) + 2;
    const element = bytesOf(this.start, elementLength(list, at));
    return isText(element) && !isStructure(element) ? element : ABSENT;
  }

  /**
   * The host cannot show a null (`serializeValue` in `wasm/context.cc`), nor what has one in it. To policies it is as good as nothing, unless
   * it is a list, whose other elements count.
   */
  private ask(): Bytes {
    const path = valuePath(this.name);
    const answer = proxy_get_property(pointerOf(path), lengthOf(path), returnedPointer(), returnedLength());
    if (answer == WasmResultValues.Ok) return returnedBytes();
    // With a null in front an element cannot be shown either, which is a failure as any other.
    if (answer == WasmResultValues.SerializationFailure) {
      if (askProperty(this.name) != ABSENT) doubt.failed = true;
    } else if (answer != WasmResultValues.NotFound) doubt.failed = true;
    return ABSENT;
  }

  private kindOf(value: Bytes): ClaimKind {
    if (!isStructure(value)) return isText(value) ? ClaimKind.Text : ClaimKind.Other;
    const count = countElements(value);
    if (count == 0 || hasValues(value, count)) return ClaimKind.Other;
    this.list = value;
    this.toFirst();
    // An object's members could be as empty as a list's: only a list has a first one.
    const first = askProperty(this.name);
    const isList = first != ABSENT && equals(first, bytesOf(this.start, elementLength(value, 0)));
    return isList ? ClaimKind.List : ClaimKind.Other;
  }

  private toFirst(): void {
    this.position = 0;
    this.start = firstElement(this.list);
  }
}

/** Whether one of the pairs has a value: those of a list have none. (`claimElements` looks so too, but takes a failure of the host for no element.) */
function hasValues(pairs: Bytes, count: u32): bool {
  for (let at: u32 = 0; at < count; at++) {
    if (load<u32>(pointerOf(pairs) + <usize>at * 8, 8) != 0) return true;
  }
  return false;
}

/**
 * Whether the value can be a string: the host gives a boolean as a byte, and a number as 8 bytes, which for most numbers are no UTF-8 or begin
 * with NUL. Where they do look like a text, they pass for one.
 */
function isText(value: Bytes): bool {
  const length = lengthOf(value);
  if (length == 1) return byteAt(value, 0) > 1;
  return length != 8 || (byteAt(value, 0) != 0 && isUtf8(value));
}

// @ts-ignore: decorator
@lazy const METADATA = literal("metadata\0filter_metadata\0");
// @ts-ignore: decorator
@lazy const NUL = literal("\0");
// @ts-ignore: decorator
@lazy const FIRST = literal("\0" + "0");
