/** One HTTP request and its answer, read whole; what the network does is told in words. */
import { RegistryError } from "./registry-error.ts";
import { retryAfterOf } from "./retry.ts";

export interface Request {
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** How much of an answer is taken, in bytes; default 4 MiB, which manifests may have (OCI distribution specification). */
  limit?: number;
  /** Whether to go where a GET or HEAD is sent on to; default true. */
  follow?: boolean;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Uint8Array;
  url: URL;
}

const LIMIT = 4 * 1024 * 1024;
/** For a request, and for one that carries much. */
const SECONDS = 30;
const SECONDS_WITH_MUCH = 600;
const MUCH = 64 * 1024;

/** What may be over in a moment. 507 (no storage left) is not among them. */
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Sends a request. Answers of any status come back but those that may be other ones soon; these, and what the network does, are thrown
 * as {@link RegistryError}.
 */
export async function exchange(request: Request): Promise<Answer> {
  const { method, url, body, limit = LIMIT, follow = true } = request;
  const large = limit > LIMIT || (body !== undefined && body.length > MUCH);
  const seconds = large ? SECONDS_WITH_MUCH : SECONDS;
  let answer: Answer;
  try {
    const response = await fetch(url, {
      method,
      headers: { "user-agent": "outrigger", ...request.headers },
      ...(body === undefined ? {} : { body: body as BodyInit }),
      // Blobs are often elsewhere; fetch takes the credentials off on the way to another origin.
      redirect: follow && (method === "GET" || method === "HEAD") ? "follow" : "manual",
      signal: AbortSignal.timeout(seconds * 1000),
    });
    answer = {
      status: response.status,
      headers: response.headers,
      body: await readBody(response, limit),
      url,
    };
  } catch (error) {
    throw error instanceof RegistryError ? error : networkError(error, request, seconds);
  }
  if (!TRANSIENT.has(answer.status)) return answer;
  const retryAfter = retryAfterOf(answer.headers.get("retry-after"));
  throw new RegistryError(`${asked(request)}: ${statusOf(answer)}${adviceOn(answer.status)}`, {
    transient: true,
    status: answer.status,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

async function readBody(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += (chunk as Uint8Array).length;
    if (length > limit) {
      throw new RegistryError(`${response.url} answers more than ${limit} bytes, which are not taken`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `PUT https://ghcr.io/v2/x/manifests/1.0`, without what an upload's address carries. */
export function asked({ method, url }: Pick<Request, "method" | "url">): string {
  return `${method} ${url.origin}${url.pathname}`;
}

/** `404 Not Found: repository name not known to registry`: with what the registry says of it, in its JSON of errors or in text. */
export function statusOf({ status, body }: Pick<Answer, "status" | "body">): string {
  const said = saidIn(body);
  return said === "" ? String(status) : `${status}: ${said}`;
}

function saidIn(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, 4096)).trim();
  try {
    const { errors, details, message } = JSON.parse(text) as {
      errors?: { code?: unknown; message?: unknown; detail?: unknown }[];
      details?: unknown;
      message?: unknown;
    };
    // OCI distribution specification, "Error codes"; and what token servers say.
    const told = errors?.map(({ code, message: text, detail }) => {
      // docker-registry tells by an object what its storage said: {"Enclosed": {"Op": "write", "Err": 28}} is a full disk.
      const more =
        typeof detail === "object" && Object.keys(detail ?? {}).length > 0
          ? JSON.stringify(detail).slice(0, 300)
          : detail;
      return [code, text, more].filter((part) => typeof part === "string" && part !== "").join(": ");
    });
    return (told ?? [details, message].filter((part) => typeof part === "string")).join("; ");
  } catch {
    // A proxy's page.
    const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1] ?? text.split("\n")[0]!;
    return title.slice(0, 200);
  }
}

function adviceOn(status: number): string {
  if (status === 500) return " (its log says why; a full disk is among the causes)";
  if (status === 429) return " (too many requests)";
  return "";
}

/** By what the certificate fails (Node.js, "TLS (SSL)", X509 certificate error codes). */
const CERTIFICATE = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID)/;

function networkError(error: unknown, request: Request, seconds: number): RegistryError {
  const { url } = request;
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  const what = asked(request);
  if (name === "TimeoutError") {
    return new RegistryError(`${what}: no answer within ${seconds} s`, { transient: true });
  }
  const code = cause?.code ?? "";
  switch (code) {
    case "ECONNREFUSED":
      return new RegistryError(
        `${url.host} refuses the connection: is the registry up, and is this its address?`,
      );
    case "ENOTFOUND":
      return new RegistryError(`there is no host ${url.hostname}: check its name, and this machine's DNS`);
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return new RegistryError(`${url.host} cannot be reached: check the network`);
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return new RegistryError(`${what}: the connection was cut`, { transient: true });
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return new RegistryError(`${url.host} does not speak TLS; for plain HTTP add --plain-http`);
  }
  const why = cause?.message ?? (error as Error).message;
  if (why === "bad port") {
    return new RegistryError(
      `${url.host} has a port that HTTP is kept from (Fetch standard, "Port blocking"); give the registry another`,
    );
  }
  if (CERTIFICATE.test(code)) {
    return new RegistryError(
      `${url.host} has a certificate that is not trusted (${why}); NODE_EXTRA_CA_CERTS=FILE names a CA of your own`,
    );
  }
  return new RegistryError(`${what}: ${why}${code === "" ? "" : ` (${code})`}`, {
    transient: ["ETIMEDOUT", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_BODY_TIMEOUT"].includes(code),
  });
}
