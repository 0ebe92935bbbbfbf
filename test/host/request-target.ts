/**
 * What Envoy makes of an HTTP/1 request's target (RFC 9112 §3.2), as tried against Envoy 1.40.0 with `normalize_path: true` and
 * `merge_slashes: false`.
 */
import type { HttpRequest } from "../driver.ts";

export interface Target {
  authority: string;
  /** Null for `CONNECT`, which has none; not normalised yet. */
  path: string | null;
  /** What an absolute target says; then `Host` counts for nothing. */
  scheme: string | null;
}

/** A target that is answered before any filter, with the `response_code_details` of the answer. */
export interface BadTarget {
  status: number;
  details: string;
}

/** Names and IPv6 addresses, with a port (`Http::Utility::Url`). */
const HOST_PORT = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
/** Characters of an authority (RFC 3986 §3.2). */
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=:@[\]%]*$/;

export function readTarget({ method, path: target, authority }: HttpRequest): Target | BadTarget {
  const invalid: BadTarget = { status: 400, details: "http1.invalid_url" };
  if (method === "CONNECT") {
    const port = HOST_PORT.exec(target)?.[2];
    return port !== undefined && isPort(port) ? { authority: target, path: null, scheme: null } : invalid;
  }
  if (target.startsWith("/")) {
    const host = authority ?? "example.test";
    if (!AUTHORITY.test(host)) return { status: 400, details: "http.invalid_authority" };
    return { authority: host, path: target, scheme: null };
  }
  if (target === "*") {
    return method === "OPTIONS" ? { status: 404, details: "absolute_path_rejected" } : invalid;
  }
  const [, scheme, server, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/.exec(target) ?? [];
  if (scheme === undefined || rest!.startsWith("#")) return { status: 400, details: "http1.codec_error" };
  if (!/^https?$/i.test(scheme)) return { status: 400, details: "http1.invalid_scheme" };
  const [, port] = HOST_PORT.exec(withoutUser(server!))?.slice(1) ?? [];
  if (!HOST_PORT.test(withoutUser(server!)) || (port !== undefined && !isPort(port))) return invalid;
  if (rest!.startsWith("?")) return { status: 404, details: "absolute_path_rejected" };
  return { authority: withoutUser(server!), path: rest === "" ? "/" : rest!, scheme: scheme.toLowerCase() };
}

function withoutUser(server: string): string {
  return server.slice(server.indexOf("@") + 1);
}

function isPort(text: string): boolean {
  return Number(text) < 65536;
}

/**
 * `PathUtil::canonicalPath`: `%41` of unreserved characters is decoded, other escapes stay as they are, some characters are
 * escaped, `\` becomes `/`, dot segments go, with their path parameters. Null when the path cannot be normalised. The query stays as it is.
 */
export function normalisePath(target: string): string | null {
  if (target.includes("#")) return null;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark);
  if (!path.startsWith("/")) return target;
  if (!/[%\\"<>^`{|}]|\/\./.test(path)) return target;
  if (path.includes("%00")) return null;
  const plain = path
    .replace(/\\/g, "/")
    .replace(/["<>^`{|}]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%([0-9a-fA-F]{2})/g, (escape, hex: string) => {
      const c = String.fromCharCode(parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(c) ? c : escape;
    });
  const out: string[] = [];
  const segments = plain.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    const [dots] = segment.split(";", 1);
    if (dots === "..") {
      out.pop();
      if (last) out.push("");
    } else if (dots === ".") {
      if (last) out.push("");
    } else out.push(segment);
  }
  return `/${out.join("/")}${query}`;
}
