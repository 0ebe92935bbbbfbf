import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { Change, OF_REQUEST } from "./change";
import { isTaken } from "./taken";

/** What a service has decided. */
export enum Outcome {
  Allowed,
  Denied,
  /** It says that it failed, or what it says cannot be used. */
  Failed,
}

/** One change. Name and value are views. */
@unmanaged
export class Mutation {
  kind: Change;
  unused: u32;
  /** Of a header in lower case. */
  name: Bytes;
  value: Bytes;
}

/** More changes than that make an answer unusable, and more bytes of their names and values. */
const MOST: u32 = 256;
const MOST_BYTES: u32 = 65536;
/** Changes there is room for at first. */
const FEW: u32 = 16;
/** Of a packed decision: outcome, status, length of the body, number of changes. */
const HEAD: u32 = 16;
/** Of each change: kind, length of name and of value. */
const ENTRY: u32 = 12;

/**
 * What came of a check: views into the service's answer, or into bytes that {@link pack} made. There is one for all requests, valid until
 * the callback ends.
 */
@final
export class Decision {
  outcome: Outcome = Outcome.Failed;
  /** Of the reply to a denied request; of {@link Outcome.Failed} what the service wants in the place of `statusOnError`, or 0. */
  status: u32 = 0;
  /** Of the same. */
  body: Bytes = ABSENT;
  count: u32 = 0;
  /** Changes that were not taken, since they would break a message. */
  dropped: u32 = 0;
  /** There were more changes than are taken: without all of them it is not what the service has decided. */
  isTooLarge: bool = false;
  private start: usize = 0;
  private room: u32 = 0;
  private bytes: u32 = 0;

  begin(): void {
    this.outcome = Outcome.Failed;
    this.status = 0;
    this.body = ABSENT;
    this.count = 0;
    this.dropped = 0;
    this.isTooLarge = false;
    this.room = 0;
    this.bytes = 0;
  }

  /** Adds a change, or counts it as dropped. */
  add(kind: Change, name: Bytes, value: Bytes): void {
    if (!isTaken(kind, name, value)) {
      this.dropped++;
      return;
    }
    this.bytes += lengthOf(name) + lengthOf(value);
    if (this.count == MOST || this.bytes > MOST_BYTES) {
      this.isTooLarge = true;
      return;
    }
    if (this.count == this.room) this.grow();
    const mutation = this.at(this.count++);
    mutation.kind = kind;
    mutation.name = name;
    mutation.value = value;
  }

  at(position: u32): Mutation {
    return changetype<Mutation>(this.start + <usize>position * offsetof<Mutation>());
  }

  /** Whether it changes the response of a request that it allows. */
  get changesResponse(): bool {
    for (let at: u32 = 0; at < this.count; at++) if (isOfResponse(this.at(at).kind)) return true;
    return false;
  }

  /** How many bytes {@link pack} makes of it. */
  packedSize(onlyResponse: bool = false): u32 {
    let size = HEAD + (onlyResponse ? 0 : lengthOf(this.body));
    for (let at: u32 = 0; at < this.count; at++) {
      const mutation = this.at(at);
      if (onlyResponse && !isOfResponse(mutation.kind)) continue;
      size += ENTRY + lengthOf(mutation.name) + lengthOf(mutation.value);
    }
    return size;
  }

  /** Writes it to `target`, which has room for {@link packedSize} bytes: all of it, or what concerns the response. */
  pack(target: usize, onlyResponse: bool = false): void {
    const body = onlyResponse ? ABSENT : this.body;
    store<u32>(target, this.outcome);
    store<u32>(target, this.status, 4);
    store<u32>(target, lengthOf(body), 8);
    let at = target + HEAD + copyTo(target + HEAD, body);
    let written: u32 = 0;
    for (let position: u32 = 0; position < this.count; position++) {
      const mutation = this.at(position);
      if (onlyResponse && !isOfResponse(mutation.kind)) continue;
      store<u32>(at, mutation.kind);
      store<u32>(at, lengthOf(mutation.name), 4);
      store<u32>(at, lengthOf(mutation.value), 8);
      at += ENTRY + copyTo(at + ENTRY, mutation.name);
      at += copyTo(at, mutation.value);
      written++;
    }
    store<u32>(target, written, 12);
  }

  /** Becomes what {@link pack} has written to these bytes, which then have to stay as they are. */
  unpack(packed: Bytes): void {
    this.begin();
    const start = pointerOf(packed);
    this.outcome = load<u32>(start);
    this.status = load<u32>(start, 4);
    this.body = bytesOf(start + HEAD, load<u32>(start, 8));
    this.append(start);
  }

  /** Adds the changes that are in what {@link pack} has written at `start`; answers where that ends. */
  append(start: usize): usize {
    let at = start + HEAD + load<u32>(start, 8);
    for (let left = load<u32>(start, 12); left != 0; left--) {
      const nameLength = load<u32>(at, 4);
      const valueLength = load<u32>(at, 8);
      const name = at + ENTRY;
      if (this.count == this.room) this.grow();
      const mutation = this.at(this.count++);
      mutation.kind = load<u32>(at);
      mutation.name = bytesOf(name, nameLength);
      mutation.value = bytesOf(name + nameLength, valueLength);
      at = name + nameLength + valueLength;
    }
    return at;
  }

  private grow(): void {
    const room = max(FEW, this.room * 2);
    const start = arenaAllocate(<usize>room * offsetof<Mutation>());
    memory.copy(start, this.start, <usize>this.count * offsetof<Mutation>());
    this.start = start;
    this.room = room;
  }
}

function isOfResponse(kind: Change): bool {
  return <u32>kind >= OF_REQUEST && kind < Change.Reply;
}

/** The one at hand: the host runs one callback at a time, and a provider is asked after another. */
// @ts-ignore: decorator
@lazy export const decision = new Decision();
