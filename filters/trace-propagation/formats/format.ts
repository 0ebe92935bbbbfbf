import { ABSENT, Bytes, equals, indexOfByte, lengthOf } from "../../../assembly/bytes/bytes";
import { HeaderView } from "../../../assembly/header-view";
import { TraceContext } from "../context";

/** What the headers of a format say. */
export enum Found {
  Nothing,
  /** They are there, and not as the format's specification has them: as good as not there, and counted. */
  Malformed,
  /** A decision, and no ids: a new trace takes it over. */
  Decision,
  Context,
}

/** What is wrong with the headers of a format. */
export enum Fault {
  Syntax,
  /** A header that there can be one of came twice. */
  Duplicate,
  /** Longer than any that is right. */
  Oversized,
}

/** As labels, in the order of {@link Fault}. */
export const FAULTS: StaticArray<string> = ["syntax", "duplicate", "oversized"];

/** No header of ids is longer: the longest, X-Ray's, has less than 100 characters, and fields of others beside them. */
const LONGEST: u32 = 512;

/** How a trace context is written in headers. */
export abstract class Format {
  constructor(
    /** The headers of the format, all of them. */
    readonly headers: StaticArray<Bytes>,
    /** How many of them, from the first one on, are no lists: a comma stands for a second header there. */
    private readonly singles: i32,
  ) {}

  /** Reads the format's headers into a context that is clear. What it holds afterwards counts for {@link Found.Context} and `Decision` alone. */
  abstract extract(headers: HeaderView, context: TraceContext): Found;

  /** Writes a decided context with a span, and leaves alone what says the same already. */
  abstract inject(headers: HeaderView, context: TraceContext): void;

  /** Removes all that a later hop could read in this format. */
  remove(headers: HeaderView): void {
    const names = this.headers;
    for (let at = 0; at < names.length; at++) headers.remove(unchecked(names[at]));
  }

  /** Whether any of the format's headers is there. */
  isIn(headers: HeaderView): bool {
    const names = this.headers;
    for (let at = 0; at < names.length; at++) if (headers.has(unchecked(names[at]))) return true;
    return false;
  }

  /** What is wrong with headers that {@link extract} has called malformed. */
  faultIn(headers: HeaderView): Fault {
    const names = this.headers;
    for (let at = 0; at < this.singles; at++) {
      const value = headers.get(unchecked(names[at]));
      if (lengthOf(value) > LONGEST) return Fault.Oversized;
      if (indexOfByte(value, 0x2c) >= 0) return Fault.Duplicate;
    }
    return Fault.Syntax;
  }
}

/** Gives a header this one value, with a host call only where it has another. */
export function write(headers: HeaderView, name: Bytes, value: Bytes): void {
  const before = headers.get(name);
  if (before == ABSENT) headers.insert(name, value);
  else if (!equals(before, value)) headers.set(name, value);
}
