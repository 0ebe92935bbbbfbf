import { Bytes, bytesOf, copyTo, hasUpperCase, lengthOf, lowerTo } from "./bytes";

/**
 * Where the host puts what it returns, and where a callback builds what it needs until it ends.
 * Allocation moves a pointer; {@link resetArena}, called when the host enters a callback, gives all
 * of it back at once. What does not fit the first chunk goes into further chunks, freed at the reset:
 * memory grows with the largest callback and never with their number.
 */

/** Room for the headers of nearly every request: Envoy's default limit is 60 KiB for all of them. */
const FIRST_CHUNK: usize = 64 * 1024;
/** What is asked of the heap at once when the first chunk is full, in bytes. */
const FURTHER_CHUNK: usize = 64 * 1024;
/** Each further chunk starts with a pointer to the one before it. */
const LINK: usize = 16;

let first: usize = 0;
let next: usize = 0;
let end: usize = 0;
/** The newest further chunk, or 0. */
let further: usize = 0;

/** `size` bytes, aligned to 8, which live until the arena is reset. Traps only when memory is used up. */
export function arenaAllocate(size: usize): usize {
  const start = next;
  // Both ends are multiples of 8, so that what is rounded up fits too. At equality, since no bytes at all need
  // an address as well before there is a chunk: 0 would say "absent".
  if (size >= end - start) return allocateInFurtherChunk(size);
  next = start + ((size + 7) & ~7);
  return start;
}

/** Gives back what was allocated last, at `start`; it stays as it is until the next allocation. */
// @ts-ignore: decorator
@inline
export function giveBack(start: usize): void {
  next = start;
}

/** Gives back all that was allocated. */
// @ts-ignore: decorator
@inline
export function resetArena(): void {
  if (further != 0) freeFurtherChunks();
  next = first;
}

function allocateInFurtherChunk(size: usize): usize {
  if (first == 0) {
    first = heap.alloc(FIRST_CHUNK);
    next = first;
    end = first + FIRST_CHUNK;
    return arenaAllocate(size);
  }
  const needed = LINK + ((size + 7) & ~7);
  if (needed < size) unreachable();
  const length = max<usize>(needed, FURTHER_CHUNK);
  const chunk = heap.alloc(length);
  store<usize>(chunk, further);
  further = chunk;
  next = chunk + needed;
  end = chunk + length;
  return chunk + LINK;
}

function freeFurtherChunks(): void {
  let chunk = further;
  while (chunk != 0) {
    const before = load<usize>(chunk);
    heap.free(chunk);
    chunk = before;
  }
  further = 0;
  end = first + FIRST_CHUNK;
}

/** A copy of the bytes at `pointer`, alive until the reset. */
export function arenaCopy(pointer: usize, length: u32): Bytes {
  const copy = arenaAllocate(length);
  memory.copy(copy, pointer, length);
  return bytesOf(copy, length);
}

/** The bytes in ASCII lower case: themselves when they are, a copy in the arena otherwise. */
export function lowerCase(bytes: Bytes): Bytes {
  return hasUpperCase(bytes) ? lowerTo(bytes, arenaAllocate(lengthOf(bytes))) : bytes;
}

/** The first, the separator and the second behind one another. */
export function concatenate(first: Bytes, separator: Bytes, second: Bytes): Bytes {
  const length = lengthOf(first) + lengthOf(separator) + lengthOf(second);
  const joined = arenaAllocate(length);
  let at = joined + copyTo(joined, first);
  at += copyTo(at, separator);
  copyTo(at, second);
  return bytesOf(joined, length);
}
