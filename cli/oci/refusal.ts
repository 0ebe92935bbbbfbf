/** What an answer that is a refusal means, and what to do about it. */
import { type Answer, asked, type Request, statusOf } from "./exchange.ts";
import { RegistryError } from "./registry-error.ts";

export interface Asking {
  host: string;
  /** Host and repository. */
  name: string;
  /** As whom the registry was asked. */
  who: string;
  /** `push to`, `read`. */
  action: string;
}

/** `size` is that of a blob that was sent, in bytes; nothing where none was. */
export function refusalOf(
  { host, name, who, action }: Asking,
  method: Request["method"],
  answer: Answer,
  size?: number,
): RegistryError {
  const { status, url } = answer;
  const says = statusOf(answer);
  const what = asked({ method, url });
  const told = (text: string): RegistryError => new RegistryError(text, { status });
  switch (status) {
    case 401:
      return told(
        `${host} does not let ${who} ${action} ${name} (${says}); log in again (docker login ${host}), or have the right given`,
      );
    case 403:
      return told(`${host} does not let ${who} ${action} ${name} (${says}); have the right given`);
    case 404:
      if (method === "GET")
        return told(`${what}: ${says}; a manifest names it, so the image is not whole: push it again`);
      if (method === "POST" || /\bNAME_(?:UNKNOWN|INVALID)\b/.test(says)) {
        return told(
          `${host} has no repository ${name}, and makes none (${says}); create it first, or correct its name`,
        );
      }
      if (size !== undefined) {
        return new RegistryError(
          `${host} has forgotten the upload (${says}): several replicas without shared storage, or a proxy that changes addresses`,
          { status, transient: true },
        );
      }
      break;
    case 413:
      return told(
        `${host} takes no ${size ?? "so many"} bytes at once (${says}); raise the limit of the registry, or of the proxy before it ` +
          "(nginx: client_max_body_size)",
      );
    case 507:
      return told(`${host} has no storage left (${says}); make room there`);
  }
  // Go's servers say this in the body, which an answer to HEAD has not.
  if (status === 400 && url.protocol === "http:" && (method === "HEAD" || /HTTPS server/i.test(says))) {
    return told(`${host} does not understand plain HTTP (${says}); if it speaks TLS, add --no-plain-http`);
  }
  if (status >= 300 && status < 400) {
    return told(
      `${what}: ${status}, elsewhere: ${answer.headers.get("location") ?? "?"}; name that registry instead`,
    );
  }
  return told(`${what}: ${says}`);
}
