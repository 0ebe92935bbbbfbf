import { GrpcStatusValues } from "../../../assembly/abi/values";
import { ABSENT, Bytes, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { RequestView } from "../../../assembly/request-view";
import { CallAnswer, callGrpc } from "../../../assembly/waiting";
import { CheckRequest } from "./check-request";
import { CheckResponse } from "./check-response";
import { decision, Outcome } from "./decision";
import { Failure, Transport } from "./transport";

/** `envoy.service.auth.v3.Authorization/Check`, with what Envoy's ext_authz filter sends. */
@final
export class GrpcTransport extends Transport {
  private readonly question: CheckRequest = new CheckRequest();
  private readonly answer: CheckResponse = new CheckResponse();

  constructor(
    cluster: Bytes,
    timeout: u32,
    /** What the service gets as `:authority`: its host, as istiod has it; {@link ABSENT} for the cluster's name. */
    private readonly authority: Bytes,
  ) {
    super(cluster, timeout);
  }

  send(request: RequestView, memo: u32): bool {
    const message = this.question.write(request);
    return callGrpc(this.cluster, SERVICE, METHOD, ABSENT, message, this.timeout, memo, this.authority);
  }

  read(answer: CallAnswer): Failure {
    if (answer.status == GrpcStatusValues.Unavailable) return Failure.Unavailable;
    if (answer.status != GrpcStatusValues.Ok) return Failure.Status;
    const message = answer.body();
    // What cannot be had is not the empty message, which allows.
    if (lengthOf(message) != answer.bodySize || !this.answer.read(message)) return Failure.Malformed;
    return decision.outcome == Outcome.Failed ? Failure.Service : Failure.None;
  }
}

// @ts-ignore: decorator
@lazy const SERVICE = literal("envoy.service.auth.v3.Authorization");
// @ts-ignore: decorator
@lazy const METHOD = literal("Check");
