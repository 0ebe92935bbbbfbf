/** Answers a registry's challenge: HTTP basic, or a token from the server that it names (distribution.github.io, "Token Authentication"). */
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./docker-config.ts";
import { asked, exchange, type Request, statusOf } from "./exchange.ts";
import { type Json, jsonOf } from "./json.ts";
import { isLoopback } from "./reference.ts";
import { RegistryError } from "./registry-error.ts";

export interface Authority {
  host: string;
  repository: string;
  /** `pull`, or `pull,push`. */
  actions: string;
  /** Asked for once, when the registry wants some. */
  credentials: () => Promise<Credentials | null>;
}

export class Authorizer {
  /** The value of `Authorization`; undefined until the registry has asked. */
  header: string | undefined;
  private known: Promise<Credentials | null> | undefined;

  constructor(private readonly authority: Authority) {}

  /** Of whom the registry was told; for messages. */
  async describe(): Promise<string> {
    const credentials = await this.known;
    if (!credentials) return "nobody (there are no credentials for it)";
    const who = credentials.username === "" ? "a token" : `user "${credentials.username}"`;
    return `${who} of ${credentials.from}`;
  }

  async hasCredentials(): Promise<boolean> {
    return (await this.known) != null;
  }

  /**
   * Prepares {@link header} for what `challenged`, a registry's answer of status 401 at `url`, asks for. Throws {@link RegistryError}
   * where it cannot be answered.
   */
  async answer(challenged: string, url: URL): Promise<void> {
    const challenges = parseChallenges(challenged);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    const { host } = this.authority;
    if (bearer === undefined && basic === undefined) {
      throw new RegistryError(
        challenged === ""
          ? `${host} answers 401 and does not say how to authenticate (no WWW-Authenticate)`
          : `${host} asks for authentication by "${challenged}"; Bearer and Basic are supported`,
      );
    }
    this.known ??= this.authority.credentials();
    const credentials = await this.known;
    if (bearer !== undefined) {
      this.header = `Bearer ${await this.token(bearer, credentials, url)}`;
      return;
    }
    if (credentials === null) throw this.noCredentials();
    if (credentials.username === "") {
      throw new RegistryError(
        `${credentials.from} has a token only, and ${host} asks for a password; log in with one: docker login ${host}`,
        { status: 401 },
      );
    }
    this.header = basicHeader(credentials);
  }

  /** Who may do this must log in. */
  noCredentials(): RegistryError {
    const { host } = this.authority;
    return new RegistryError(
      `${host} wants to know who asks, and there are no credentials for it; log in: docker login ${host}`,
      {
        status: 401,
      },
    );
  }

  private async token(challenge: Challenge, credentials: Credentials | null, url: URL): Promise<string> {
    if (credentials !== null && credentials.registryToken !== "") return credentials.registryToken;
    const { host, repository, actions } = this.authority;
    const realm = this.realmOf(challenge, url);
    const service = challenge.parameters.get("service");
    // What is needed is known better here than by whoever answers HEAD, for which `pull` would do.
    const scope = `repository:${repository}:${actions}`;
    const request: Request =
      credentials !== null && credentials.identityToken !== ""
        ? {
            method: "POST",
            url: realm,
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: new URLSearchParams({
              grant_type: "refresh_token",
              client_id: "outrigger",
              refresh_token: credentials.identityToken,
              scope,
              ...(service === undefined ? {} : { service }),
            }).toString(),
          }
        : {
            method: "GET",
            url: withQuery(realm, { ...(service === undefined ? {} : { service }), scope }),
            headers: credentials === null ? {} : { authorization: basicHeader(credentials) },
          };
    const answer = await exchange(request);
    if (answer.status === 401 || answer.status === 403) {
      if (credentials === null) throw this.noCredentials();
      throw new RegistryError(
        `${realm.host}, which gives the tokens for ${host}, refuses ${await this.describe()} (${statusOf(answer)}); log in again: ` +
          `docker login ${host}`,
        { status: answer.status },
      );
    }
    const what = asked(request);
    if (answer.status !== 200) throw new RegistryError(`${what}, for a token: ${statusOf(answer)}`);
    const token = tokenIn(answer.body);
    if (token === null) throw new RegistryError(`${what} answers no JSON with a token`);
    return token;
  }

  /**
   * Where tokens are given. Credentials go there: in the clear only to this machine, or to the registry's own host where that is asked so.
   */
  private realmOf(challenge: Challenge, url: URL): URL {
    const text = challenge.parameters.get("realm") ?? "";
    let realm: URL;
    try {
      realm = new URL(text);
    } catch {
      throw new RegistryError(
        `${this.authority.host} names "${text}" as the realm for tokens, which is no URL`,
      );
    }
    const isAskedSo = url.protocol === "http:" && realm.hostname === url.hostname;
    const inTheClear = realm.protocol === "http:" && (isAskedSo || isLoopback(realm.host));
    if (realm.protocol === "https:" || inTheClear) return realm;
    throw new RegistryError(
      `${this.authority.host} sends credentials to ${realm.origin}, which is not HTTPS; they are not sent there`,
    );
  }
}

function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function withQuery(url: URL, parameters: Record<string, string>): URL {
  const whole = new URL(url);
  for (const [name, value] of Object.entries(parameters)) whole.searchParams.set(name, value);
  return whole;
}

function tokenIn(body: Uint8Array): string | null {
  try {
    const { token, access_token } = jsonOf(body) as Json;
    // The one may be there and empty, beside the other.
    return [token, access_token].find(isToken) ?? null;
  } catch {
    return null;
  }
}

/** Whether it can become a header. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}
