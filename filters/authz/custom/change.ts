/** What is to be done to a request, its response, or the reply in its place. Envoy does those of one kind before those of the next. */
export enum Change {
  /** Of the request's headers: to this one value. */
  Set,
  /** Of the request's headers: behind the value that there is, with what joins several; nothing where there is none. */
  Append,
  Remove,
  SetQuery,
  RemoveQuery,
  /** Of the response's headers: beside those of its name. */
  AddToResponse,
  SetInResponse,
  AddIfAbsent,
  OverwriteIfExists,
  /** Of the reply to a denied request: beside others of the service's of this name, in the place of Envoy's own. */
  Reply,
  /** Of the same, behind those. */
  AppendToReply,
}

/** How many kinds of changes concern the request; those of the response come next, and those of the reply last. */
export const OF_REQUEST: u32 = Change.RemoveQuery + 1;
