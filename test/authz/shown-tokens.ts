/** Where a generated request shows its tokens. */
import type { Claims, Header } from "../driver.ts";
import type { GeneratedRequest } from "./generate.ts";

/** As `Authorization: Bearer`, the parameter `access_token`, or the cookie `session`. */
export type TokenPlace = "header" | "param" | "cookie";

export interface GeneratedToken {
  place: TokenPlace;
  claims: Claims;
  forged: boolean;
}

/** Path and headers with the tokens. Behind each stands something, so that no end of a text is a token's. */
export function withTokens(
  { path, headers, tokens }: Pick<GeneratedRequest, "path" | "headers" | "tokens">,
  textOf: (token: GeneratedToken) => string,
): { path: string; headers: Header[] } {
  const shown = { path, headers: [...headers] };
  for (const token of tokens) {
    const text = textOf(token);
    if (token.place === "header") shown.headers.push(["authorization", `Bearer ${text}`]);
    else if (token.place === "cookie") shown.headers.push(["cookie", `session=${text}; end=1`]);
    else shown.path += `?access_token=${text}&end=1`;
  }
  return shown;
}

/** The path once the parameter of a token is taken out. */
export function withoutParameter(path: string): string {
  return path.replace(/\?access_token=[^&]*&end=1$/, "?end=1");
}
