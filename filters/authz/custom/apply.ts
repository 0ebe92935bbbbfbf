import { concatenate } from "../../../assembly/bytes/arena";
import { ABSENT, equals, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { GrpcStatusValues } from "../../../assembly/abi/values";
import { separatorOf } from "../../../assembly/header-view";
import { reply } from "../../../assembly/filter";
import { pairs } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";
import { ResponseView } from "../../../assembly/response-view";
import { Change, OF_REQUEST } from "./change";
import { decision, Mutation } from "./decision";
import { changeQuery } from "./query";

/** Changes the request as `decision` says, kind by kind, as Envoy 1.40 does (`ext_authz.cc`, `onComplete`). */
export function applyToRequest(request: RequestView): void {
  let hasQuery = false;
  for (let kind: u32 = 0; kind < OF_REQUEST; kind++) {
    for (let at: u32 = 0; at < decision.count; at++) {
      const mutation = decision.at(at);
      if (<u32>mutation.kind != kind) continue;
      if (kind >= <u32>Change.SetQuery) hasQuery = true;
      else changeHeader(request, mutation);
    }
  }
  if (!hasQuery) return;
  const before = request.headers.get(PATH);
  if (before == ABSENT) return;
  const after = changeQuery(before);
  if (!equals(before, after)) request.headers.set(PATH, after);
}

function changeHeader(request: RequestView, mutation: Mutation): void {
  const headers = request.headers;
  if (mutation.kind == Change.Remove) {
    headers.remove(mutation.name);
    return;
  }
  // For Envoy they are one header, and for a view two.
  const name = equals(mutation.name, HOST) ? AUTHORITY : mutation.name;
  if (mutation.kind == Change.Set) {
    headers.set(name, mutation.value);
    return;
  }
  const before = headers.get(name);
  if (before == ABSENT || lengthOf(mutation.value) == 0) return;
  const isEmpty = lengthOf(before) == 0;
  headers.set(name, isEmpty ? mutation.value : concatenate(before, separatorOf(name), mutation.value));
}

/** Changes the response as `decision` says, kind by kind (`ext_authz.cc`, `encodeHeaders`). */
export function applyToResponse(response: ResponseView): void {
  const headers = response.headers;
  for (let kind: u32 = OF_REQUEST; kind < <u32>Change.Reply; kind++) {
    for (let at: u32 = 0; at < decision.count; at++) {
      const mutation = decision.at(at);
      if (<u32>mutation.kind != kind) continue;
      const name = mutation.name;
      switch (kind) {
        case Change.AddToResponse:
          headers.add(name, mutation.value);
          break;
        case Change.SetInResponse:
          headers.set(name, mutation.value);
          break;
        case Change.AddIfAbsent:
          if (!headers.has(name)) headers.insert(name, mutation.value);
          break;
        default:
          if (headers.has(name)) headers.set(name, mutation.value);
      }
    }
  }
}

/** Fills the reply to a request that `decision` refuses, but for its `details`. Of a gRPC request Envoy makes a gRPC status of it. */
export function fillReply(status: u32): void {
  reply.status = status;
  reply.body = decision.body;
  reply.grpcStatus = GrpcStatusValues.InvalidCode;
  pairs.begin();
  for (let kind = Change.Reply; kind <= Change.AppendToReply; kind++) {
    for (let at: u32 = 0; at < decision.count; at++) {
      const mutation = decision.at(at);
      if (mutation.kind == kind) pairs.add(mutation.name, mutation.value);
    }
  }
  reply.headers = pairs.finish();
}

// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const HOST = literal("host");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
