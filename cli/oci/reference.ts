/** Where an image is: `oci://HOST/REPOSITORY:TAG`, as a WasmPlugin's `url` has it. */
import { UserError } from "../errors.ts";

export const SCHEME = "oci://";

export interface Reference {
  /** With its port, when there is one: `ghcr.io`, `127.0.0.1:5000`. */
  host: string;
  repository: string;
  tag: string | undefined;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string | undefined;
}

// The grammar is that of the OCI distribution specification, "Pulling manifests".
const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Throws {@link UserError} for what is no reference, or one that Istio would take for another. */
export function parseReference(text: string): Reference {
  const wrong = (why: string): UserError =>
    new UserError(
      `${text}: ${why}; expected oci://HOST/REPOSITORY:TAG, as oci://ghcr.io/example/authz:1.0.0`,
    );
  if (!text.startsWith(SCHEME)) throw wrong("it does not begin with oci://");
  let rest = text.slice(SCHEME.length);
  const slash = rest.indexOf("/");
  if (slash <= 0) throw wrong(slash === 0 ? "the host is missing" : "the repository is missing");
  const host = rest.slice(0, slash);
  rest = rest.slice(slash + 1);
  if (!HOST.test(host) || !isAddress(host)) throw wrong(`"${host}" is no host`);
  // Istio's fetcher takes such a first part for a repository of Docker Hub (go-containerregistry 0.21.6, `name.NewRepository`),
  // "localhost" too.
  if (!/[.:\]]/.test(host)) {
    throw wrong(`a host has a dot or a port, and "${host}" has none (Docker Hub is docker.io)`);
  }
  let digest: string | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!DIGEST.test(digest)) throw wrong(`"${digest}" is no digest, which is sha256: and 64 of 0-9 and a-f`);
  }
  let tag: string | undefined;
  const colon = rest.indexOf(":");
  if (colon >= 0) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) {
      throw wrong(
        `"${tag}" is no tag, which is up to 128 of letters, digits and . _ -, the first one no . or -`,
      );
    }
  }
  if (!REPOSITORY.test(rest)) {
    throw wrong(
      `"${rest}" is no repository, whose parts are lower-case letters and digits with . _ - between them`,
    );
  }
  // The same library's `checkRepository`, in the version that Istio is built with (0.21.6): later ones take one character.
  if (rest.length < 2 || rest.length > 255) {
    throw wrong(`its repository has ${rest.length} character(s), and Istio takes 2 to 255`);
  }
  // As `docker pull` has it, for which its own images have a namespace.
  const repository = isDockerHub(host) && !rest.includes("/") ? `library/${rest}` : rest;
  return { host, repository, tag, digest };
}

/** Whether it can be asked, and is not taken for another: to URLs `1.2.3` is the address 1.2.0.3, and to others a name. */
function isAddress(host: string): boolean {
  const url = `https://${host}/`;
  if (!URL.canParse(url)) return false;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name.startsWith("[") || new URL(url).hostname === name;
}

/** By the name of its images, or by that which Docker and Istio know it by. */
function isDockerHub(host: string): boolean {
  return host === "docker.io" || host === "index.docker.io";
}

/** What answers for a host: Docker Hub's API has another name than its images. */
export function apiHostOf(host: string): string {
  return isDockerHub(host) ? "registry-1.docker.io" : host;
}

/** Under which name `docker login` keeps a host's credentials (docker/cli `cli/config/configfile/file.go`, `getAuthConfigKey`). */
export function credentialKeyOf(host: string): string {
  return isDockerHub(host) ? "https://index.docker.io/v1/" : host;
}

/** A registry on this machine, for which plain HTTP is the rule: `localhost`, 127.0.0.0/8, `[::1]`. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
