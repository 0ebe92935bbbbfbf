import { arenaAllocate } from "../bytes/arena";
import { Bytes, bytesOf, copyTo, lengthOf, literal, pointerOf } from "../bytes/bytes";

/** As much of DER (ITU-T X.690 §8, §10) as public keys and ECDSA signatures take. All of it is written into the arena. */

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/** An identifier and a length of up to four bytes. */
const HEADER_ROOM: u32 = 6;

/** A `SEQUENCE` of two elements. */
export function derSequence(first: Bytes, second: Bytes): Bytes {
  return element(SEQUENCE, first, second);
}

/** An `INTEGER` from the big-endian bytes of a number that is not negative, in the fewest bytes (X.690 §8.3). */
export function derInteger(number: Bytes): Bytes {
  const digits = significant(number);
  const needsSign: bool = lengthOf(digits) == 0 || load<u8>(pointerOf(digits)) >= 0x80;
  return element(INTEGER, needsSign ? ZERO : NOTHING, digits);
}

/** A `BIT STRING` of whole bytes, the first and the second behind one another. */
export function derBitString(first: Bytes, second: Bytes): Bytes {
  const content = arenaAllocate(lengthOf(first) + lengthOf(second));
  const length = copyTo(content, first);
  // The first byte tells how many bits of the last one do not count.
  return element(BIT_STRING, ZERO, bytesOf(content, length + copyTo(content + length, second)));
}

/** The bytes of a big-endian number without zeros in front: of 0, none. */
export function significant(number: Bytes): Bytes {
  let at = pointerOf(number);
  const end = at + lengthOf(number);
  while (at < end && load<u8>(at) == 0) at++;
  return bytesOf(at, <u32>(end - at));
}

function element(identifier: u8, first: Bytes, second: Bytes): Bytes {
  const length = lengthOf(first) + lengthOf(second);
  const start = arenaAllocate(HEADER_ROOM + length);
  store<u8>(start, identifier);
  let top = start + 1;
  if (length < 0x80) store<u8>(top++, <u8>length);
  else {
    const octets: u32 = (39 - clz<u32>(length)) >> 3;
    store<u8>(top++, <u8>(0x80 | octets));
    for (let shift = octets; shift > 0; shift--) store<u8>(top++, <u8>(length >> ((shift - 1) << 3)));
  }
  top += copyTo(top, first);
  top += copyTo(top, second);
  return bytesOf(start, <u32>(top - start));
}

const ZERO_AT: usize = memory.data<u8>([0]);
const ZERO: Bytes = bytesOf(ZERO_AT, 1);
// @ts-ignore: decorator
@lazy const NOTHING = literal("");
