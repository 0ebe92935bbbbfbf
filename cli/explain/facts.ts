/** What a request says, as a person reads it. Only for showing: what matches is the module's answer. */
import type { UpstreamRequest } from "../../test/driver.ts";

export class Facts {
  constructor(private readonly request: UpstreamRequest) {}

  get method(): string {
    return this.header(":method") ?? "";
  }

  /** Without query, as the proxy normalised it. */
  get path(): string {
    return this.target.replace(/\?.*$/s, "");
  }

  /** Without port, in lower case. */
  get host(): string {
    const authority = (this.header(":authority") ?? "").toLowerCase();
    return /^(\[.*\]|[^:]*):\d*$/.exec(authority)?.[1] ?? authority;
  }

  /** All values of a header, joined; null for none. */
  header(name: string): string | null {
    const lower = name.toLowerCase();
    const values = this.request.headers
      .filter(([other]) => other.toLowerCase() === lower)
      .map(([, value]) => value);
    return values.length === 0 ? null : utf8(values.join(lower === "cookie" ? "; " : ","));
  }

  /** A value under one of the fields of `RequestMatch` that go from names to values; undefined where it is not plain. */
  named(field: string, name: string): string | null | undefined {
    switch (field) {
      case "headers":
        return this.header(name);
      case "queryParams":
        return this.queryParam(name);
      case "cookies":
        return this.cookie(name);
      default:
        return undefined;
    }
  }

  /** The value of a part of a key; undefined where it is not plain. */
  keyPart(part: Record<string, unknown>): string | null | undefined {
    const { header, cookie, queryParam } = part;
    if (typeof header === "string") return this.header(header);
    if (typeof cookie === "string") return this.cookie(cookie);
    if (typeof queryParam === "string") return this.queryParam(queryParam);
    return undefined;
  }

  private get target(): string {
    return this.header(":path") ?? "";
  }

  private cookie(name: string): string | null {
    for (const pair of (this.header("cookie") ?? "").split(";")) {
      const equal = pair.indexOf("=");
      if (equal > 0 && pair.slice(0, equal).trim() === name) return pair.slice(equal + 1).trim();
    }
    return null;
  }

  private queryParam(name: string): string | null {
    const mark = this.target.indexOf("?");
    if (mark < 0) return null;
    for (const pair of this.target.slice(mark + 1).split("&")) {
      const equal = pair.indexOf("=");
      if (decoded(equal < 0 ? pair : pair.slice(0, equal)) === name)
        return equal < 0 ? "" : decoded(pair.slice(equal + 1));
    }
    return null;
  }
}

/** Percent-decoded once; what is no escape stays. */
function decoded(text: string): string {
  const bytes = Buffer.from(text).toString("latin1");
  return utf8(
    bytes.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  );
}

/** A byte string as text. */
function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}
