import { Bytes } from "../../../assembly/bytes/bytes";
import { RequestView } from "../../../assembly/request-view";
import { CallAnswer } from "../../../assembly/waiting";

/** Why there is no decision. */
export enum Failure {
  /** There is one. */
  None,
  /** No connection, a broken one, or the time was up. */
  Unavailable,
  /** A gRPC status, or an HTTP status of 5xx. */
  Status,
  /** A broken message, or more in it than a decision may have. */
  Malformed,
  /** The service says that it failed (`error_response`). */
  Service,
  /** The proxy has no such cluster, or the request cannot be put to it. */
  NotSent,
  /** Too many requests wait in this worker. */
  Busy,
}

/** As labels, in the order of {@link Failure}. */
export const FAILURES: StaticArray<string> = [
  "none",
  "unavailable",
  "status",
  "malformed",
  "service",
  "not_sent",
  "busy",
];

/** How a provider is asked. */
export abstract class Transport {
  constructor(
    readonly cluster: Bytes,
    /** Milliseconds. */
    protected readonly timeout: u32,
  ) {}

  /** Asks about a request. False when nothing was sent. */
  abstract send(request: RequestView, memo: u32): bool;

  /** Reads the answer into `decision`. */
  abstract read(answer: CallAnswer): Failure;
}
