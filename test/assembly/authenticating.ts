/** Requests for authenticators, and what comes of them. */
import { resetArena } from "../../assembly/bytes/arena";
import { PairsReader } from "../../assembly/host/pairs";
import { reply } from "../../assembly/filter";
import { RequestView } from "../../assembly/request-view";
import { Authentication, identity, Rejection } from "../../filters/authz/identity";
import { hostHasHeaders } from "./mock-host";
import { same } from "./same";
import { text } from "./texts";

export const request = new RequestView();

/** A request with these headers comes, from nobody yet. */
export function arrives(lines: string): void {
  resetArena();
  hostHasHeaders(":method=GET\n" + lines);
  same(request.load(), true);
  identity.begin(request);
}

export function nameOf(authentication: Authentication): string {
  if (authentication == Authentication.Passed) return "passed";
  return authentication == Authentication.Refused ? "refused" : "waits";
}

/** `401 body name: value`. */
export function replyOf(rejection: Rejection): string {
  rejection.toReply(request);
  const headers = new PairsReader(reply.headers);
  let told = reply.status.toString() + " " + text(reply.body);
  while (headers.next()) told += " " + text(headers.name) + ": " + text(headers.value);
  return told;
}
