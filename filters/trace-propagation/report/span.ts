import { ABSENT, Bytes } from "../../../assembly/bytes/bytes";

/** A span that has ended, as it is told. One value, filled anew for each. Texts are as they were in the request, none is JSON yet. */
@final
export class Span {
  high: u64 = 0;
  low: u64 = 0;
  span: u64 = 0;
  /** 0 for the first span of a trace. */
  parent: u64 = 0;
  isClient: bool = false;
  /** Nanoseconds since 1970, and how many of them it took. */
  start: u64 = 0;
  duration: u64 = 0;
  method: Bytes = ABSENT;
  /** Without query. */
  path: Bytes = ABSENT;
  host: Bytes = ABSENT;
  /** The name of Envoy's route; {@link ABSENT} or empty for none. */
  route: Bytes = ABSENT;
  /** The other side's address: the caller's where it is a server's span, the upstream host's where it is a client's. */
  peer: Bytes = ABSENT;
  /** Of HTTP; 0 where there was no response. */
  status: u32 = 0;
  /** Of gRPC; -1 where it is none or has none. */
  grpcStatus: i32 = -1;
  isError: bool = false;
  /** Where the values of the configured tags begin in the request's record; see `records.ts`. */
  tags: usize = 0;
}
