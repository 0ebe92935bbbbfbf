import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, equals, lengthOf, literal, pointerOf } from "../../assembly/bytes/bytes";
import { ProtobufReader, ProtobufWriter, Wire } from "../../assembly/bytes/protobuf";
import { Random } from "./random";
import { raw } from "./texts";

const writer = new ProtobufWriter();
const reader = new ProtobufReader();

function broken(values: u8[]): bool {
  reader.begin(raw(values));
  let fields = 0;
  while (reader.next()) fields++;
  return reader.broken && fields >= 0;
}

describe("a message", () => {
  beforeEach(() => {
    resetArena();
  });

  it("is written as the encoding's documentation has it", () => {
    writer.begin();
    writer.number(1, 150);
    expect(equals(writer.end(), raw([0x08, 0x96, 0x01]))).toBe(true);
    writer.begin();
    writer.bytes(2, literal("testing"));
    expect(equals(writer.end(), literal("\x12\x07testing"))).toBe(true);
  });

  it("leaves out what is empty, unless it is asked to keep it", () => {
    writer.begin();
    writer.number(1, 0);
    writer.bytes(2, ABSENT);
    expect(lengthOf(writer.end())).toBe(0);
    writer.bytes(2, ABSENT, true);
    expect(equals(writer.end(), raw([0x12, 0]))).toBe(true);
  });

  it("is read back as it was written, at any length", () => {
    const long = literal("0123456789".repeat(1000));
    writer.begin();
    writer.number(1, u64.MAX_VALUE);
    writer.bytes(2, long);
    writer.bytes(536870911, literal("last"));
    writer.number(3, 1 << 35);
    reader.begin(writer.end());
    expect(reader.next()).toBe(true);
    expect(reader.number).toBe(u64.MAX_VALUE);
    expect(reader.next()).toBe(true);
    expect(reader.field).toBe(2);
    expect(reader.wire == Wire.Bytes).toBe(true);
    expect(equals(reader.bytes, long)).toBe(true);
    expect(reader.next()).toBe(true);
    expect(reader.field).toBe(536870911);
    expect(reader.number).toBe(0);
    expect(reader.next()).toBe(true);
    expect(reader.number).toBe(1 << 35);
    expect(reader.bytes).toBe(ABSENT);
    expect(reader.next()).toBe(false);
    expect(reader.broken).toBe(false);
  });

  it("may have fixed numbers", () => {
    reader.begin(raw([0x0d, 1, 0, 0, 0x80, 0x11, 2, 0, 0, 0, 0, 0, 0, 0x40]));
    reader.next();
    expect(reader.number).toBe(0x80000001);
    reader.next();
    expect(reader.number).toBe(0x4000000000000002);
    expect(reader.next()).toBe(false);
    expect(reader.broken).toBe(false);
  });

  it("of no bytes has no fields", () => {
    expect(broken([])).toBe(false);
  });

  it("that ends too early, or has what no message has, is broken", () => {
    expect(broken([0x08])).toBe(true);
    expect(broken([0x80])).toBe(true);
    expect(broken([0x12, 2, 0x61])).toBe(true);
    expect(broken([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])).toBe(true);
    expect(broken([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])).toBe(true);
    expect(broken([0x0d, 1, 2, 3])).toBe(true);
    expect(broken([0x09, 1, 2, 3, 4, 5, 6, 7])).toBe(true);
    // Field 0, a group, a wire type that is none, a field number of 30 bits, a varint of eleven bytes.
    expect(broken([0x00, 0])).toBe(true);
    expect(broken([0x0b, 0x0c])).toBe(true);
    expect(broken([0x0e])).toBe(true);
    expect(broken([0x80, 0x80, 0x80, 0x80, 0x10, 1])).toBe(true);
    expect(broken([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])).toBe(true);
  });

  it("gives nothing more once it is broken", () => {
    reader.begin(raw([0x0e, 0x08, 1]));
    expect(reader.next()).toBe(false);
    expect(reader.next()).toBe(false);
    expect(reader.broken).toBe(true);
  });

  it("of random bytes ends, and gives nothing from outside of it", () => {
    const random = new Random(7);
    for (let round = 0; round < 20000; round++) {
      const length = random.below(24);
      const values = new Array<u8>(length);
      for (let at = 0; at < length; at++)
        values[at] = <u8>(random.once(3) ? random.below(256) : random.below(40));
      const message = raw(values);
      reader.begin(message);
      let fields = 0;
      while (reader.next()) {
        fields++;
        if (reader.bytes == ABSENT) continue;
        assert(pointerOf(reader.bytes) >= pointerOf(message));
        assert(pointerOf(reader.bytes) + lengthOf(reader.bytes) <= pointerOf(message) + lengthOf(message));
      }
      assert(fields <= length);
      heap.free(pointerOf(message));
    }
  });
});
