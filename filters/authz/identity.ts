import { ABSENT, Bytes } from "../../assembly/bytes/bytes";
import { Counter, count, defineCounter, labelled } from "../../assembly/host/metrics";
import { Keeper } from "../../assembly/bytes/keeper";
import { reasonOf } from "../../assembly/reason";
import { RequestView } from "../../assembly/request-view";
import { Claims, NoClaims } from "./claims";

/** The filter's name in reasons, metrics and properties. */
export const NAME = "authz";

/** Who the request at hand is, as far as it was verified. One for all requests: the host runs one callback at a time. */
@final
export class Identity {
  /** The request itself; null before the first one. */
  request: RequestView | null = null;
  /** Of the verified token. */
  claims: Claims = NOBODY;
  /** The name of the API key that came, {@link ABSENT} without one: the request principal `api-key/<name>`. */
  apiKey: Bytes = ABSENT;
  /** The name of the user of HTTP basic authentication: the request principal `basic/<name>`. */
  user: Bytes = ABSENT;

  /** Nobody, before a request is looked at. */
  begin(request: RequestView): void {
    this.request = request;
    this.claims = NOBODY;
    this.apiKey = ABSENT;
    this.user = ABSENT;
  }
}

// @ts-ignore: decorator
@lazy export const NOBODY = new NoClaims();
// @ts-ignore: decorator
@lazy export const identity = new Identity();

/** One way in which a request's credentials are refused. Made when the configuration is loaded. */
export abstract class Rejection {
  /** `authz:<kind>`. */
  readonly reason: Bytes;
  private counter: Counter = 0;

  constructor(
    keeper: Keeper,
    /** As in reasons and metrics: `jwt-expired`. */
    private readonly kind: string,
  ) {
    this.reason = reasonOf(keeper, NAME, kind);
  }

  /** Defines the metric: only for a configuration that is taken. */
  define(): void {
    this.counter = defineCounter(labelled("outrigger_authz_rejected", "kind", this.kind));
  }

  tally(): void {
    count(this.counter);
  }

  /** Fills `reply`: status, body, headers. (`details` is the {@link reason}, written by the filter.) */
  abstract toReply(request: RequestView): void;
}

/** What an authenticator says of a request. */
export enum Authentication {
  /** It has no credentials of this kind, or right ones: `identity` knows them. */
  Passed,
  /** It is refused: `rejection` of the authenticator says how. */
  Refused,
  /** It waits, as `Verdict.Wait` says. */
  Waits,
}
