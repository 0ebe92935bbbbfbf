import { Bytes, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { reply } from "../../../assembly/filter";
import { pairs } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";
import { Rejection } from "../identity";

/**
 * Credentials that were refused: 401 with the challenge that RFC 9110 §15.5.2 demands of each. It says the same whatever was wrong with
 * them, and nothing of what came.
 */
@final
export class Challenge extends Rejection {
  private readonly challenge: Bytes;
  private readonly body: Bytes;

  constructor(
    keeper: Keeper,
    kind: string,
    /** The value of `www-authenticate` (RFC 9110 §11.6.1). */
    challenge: string,
    /** A text for people. */
    body: string,
  ) {
    super(keeper, kind);
    this.challenge = keeper.keepText(challenge);
    this.body = keeper.keepText(body);
  }

  toReply(_request: RequestView): void {
    reply.status = 401;
    reply.body = this.body;
    reply.headers = pairs.begin().add(WWW_AUTHENTICATE, this.challenge).finish();
  }
}

// @ts-ignore: decorator
@lazy const WWW_AUTHENTICATE = literal("www-authenticate");
