/** The credentials that `docker login` keeps: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, and credential helpers. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { reasonOf, UserError } from "../errors.ts";
import { isObject, type Json } from "./json.ts";
import { credentialKeyOf } from "./reference.ts";

export interface Credentials {
  /** Where they are from, for messages. */
  from: string;
  /** Empty where there is a token only. */
  username: string;
  password: string;
  /** Is exchanged for a token (OAuth 2, RFC 6749 §6); empty without one. */
  identityToken: string;
  /** A bearer token as it is; empty without one. */
  registryToken: string;
}

/** How long a helper may take: it may ask its user. */
const HELPER_MILLISECONDS = 60_000;
/** How long what it has started may keep its output open, when it has ended itself. */
const REST_MILLISECONDS = 1000;
/** More than any helper says, in characters. */
const HELPER_LIMIT = 1_000_000;

/**
 * The credentials for a host; null where there are none. A helper comes before the file, as for Docker. Throws {@link UserError} for a
 * file that is not as it should be, and a helper that is missing or fails.
 */
export async function credentialsFor(
  host: string,
  env: NodeJS.ProcessEnv = process.env,
  helperMilliseconds = HELPER_MILLISECONDS,
): Promise<Credentials | null> {
  // An empty variable counts as unset, as it does for Docker.
  const given = env.DOCKER_CONFIG === "" ? undefined : env.DOCKER_CONFIG;
  const path = join(given ?? join(env.HOME ?? homedir(), ".docker"), "config.json");
  const config = readConfig(path);
  if (config === null) return null;
  const helpers = member(config, "credHelpers", path);
  const key = credentialKeyOf(host);
  // An empty one takes the registry out of the store of all, for the file.
  const helper = Object.hasOwn(helpers, key)
    ? textOf(helpers, key, path)
    : textOf(config, "credsStore", path);
  const found =
    helper === "" ? null : await askHelper(helper, key, path, { env, milliseconds: helperMilliseconds });
  return found ?? storedIn(member(config, "auths", path), key, path);
}

function readConfig(path: string): Json | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new UserError(`cannot read ${path}: ${reasonOf(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(path, `it is no JSON (${withoutText((error as Error).message)})`);
  }
  if (!isObject(value)) throw broken(path, "it is no JSON object");
  return value;
}

/** The parser's message quotes the text, in which passwords stand: only the place is left of it. */
function withoutText(message: string): string {
  return /at position \d+(?: \(line \d+ column \d+\))?/.exec(message)?.[0] ?? "it ends too early or is empty";
}

function storedIn(auths: Json, key: string, path: string): Credentials | null {
  // Older versions of `docker login` wrote URLs.
  const name = Object.hasOwn(auths, key) ? key : Object.keys(auths).find((one) => hostOf(one) === key);
  if (name === undefined) return null;
  const place = `auths["${name}"]`;
  const entry = auths[name];
  if (!isObject(entry)) throw broken(path, `${place} is no object`);
  let username = textOf(entry, "username", path, place);
  let password = textOf(entry, "password", path, place);
  const auth = textOf(entry, "auth", path, place);
  if (auth !== "") {
    const decoded = Buffer.from(auth, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon <= 0) throw broken(path, `${place}.auth is not the base64 of "user:password"`);
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1).replace(/\0+$/, "");
  }
  const identityToken = textOf(entry, "identitytoken", path, place);
  const registryToken = textOf(entry, "registrytoken", path, place);
  // An empty entry is what is left in the file when a helper keeps them.
  if (username === "" && identityToken === "" && registryToken === "") return null;
  return { from: path, username, password, identityToken, registryToken };
}

/** Of a host, or of a URL with whatever path (docker/cli `cli/config/credentials/file_store.go`, `ConvertToHostname`). */
function hostOf(name: string): string {
  return name.replace(/^[^/]*:\/\//, "").replace(/\/.*$/, "");
}

interface HelperRun {
  env: NodeJS.ProcessEnv;
  /** How long it may take. */
  milliseconds: number;
}

/** Runs `docker-credential-<name> get` (github.com/docker/docker-credential-helpers). */
async function askHelper(
  name: string,
  key: string,
  path: string,
  run: HelperRun,
): Promise<Credentials | null> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw broken(path, `"${name}" is no name of a credential helper`);
  const { code, stdout, stderr } = await runHelper(program, key, run);
  if (code === "ENOENT") {
    throw new UserError(
      `${path} says that ${program} keeps the credentials for ${key}, and there is no such program on the PATH; install it, or ` +
        "remove the helper from credHelpers or credsStore and log in again",
    );
  }
  const said = ((stdout.trim() || stderr.trim()).split("\n")[0] ?? "").slice(0, 200);
  if (code !== 0) {
    if (/credentials not found/i.test(said)) return null;
    throw new UserError(`${program} get failed (${code}) for ${key}: ${said || "it said nothing"}`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    answer = null;
  }
  if (!isObject(answer) || typeof answer.Username !== "string" || typeof answer.Secret !== "string") {
    throw new UserError(`${program} get answered no JSON object with Username and Secret for ${key}`);
  }
  const { Username: username, Secret: secret } = answer;
  const isToken = username === "<token>";
  return {
    from: program,
    username: isToken ? "" : username,
    password: isToken ? "" : secret,
    identityToken: isToken ? secret : "",
    registryToken: "",
  };
}

function runHelper(
  program: string,
  key: string,
  { env, milliseconds }: HelperRun,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, ["get"], { env, stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    const end = (code: number | string): void => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
      // What it has started may hold these for ever, and would keep this process.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
    };
    const stop = (why: string): void => {
      child.kill("SIGKILL");
      end(why);
    };
    // `timeout` of spawn would keep this process waiting where there is no such program.
    const timer = setTimeout(() => stop(`no answer within ${milliseconds / 1000} s`), milliseconds);
    const watch = (): void => {
      if (stdout.length + stderr.length > HELPER_LIMIT) stop(`more than ${HELPER_LIMIT} characters`);
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => ((stdout += chunk), watch()));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => ((stderr += chunk), watch()));
    child.on("error", ({ code, message }: NodeJS.ErrnoException) => end(code ?? message));
    const endWith = (code: number | null, signal: string | null): void => end(code ?? signal ?? "unknown");
    child.on("exit", (code, signal) => setTimeout(() => endWith(code, signal), REST_MILLISECONDS).unref());
    child.on("close", endWith);
    // It may not read it.
    child.stdin.on("error", () => undefined).end(key);
  });
}

function member(config: Json, name: string, path: string): Json {
  const value = config[name] ?? {};
  if (!isObject(value)) throw broken(path, `${name} is no object`);
  return value;
}

function textOf(object: Json, name: string, path: string, place?: string): string {
  const value = object[name] ?? "";
  if (typeof value !== "string")
    throw broken(path, `${place === undefined ? name : `${place}.${name}`} is no string`);
  return value;
}

function broken(path: string, why: string): UserError {
  return new UserError(`${path}: ${why}; correct it, or move it away and log in again (docker login HOST)`);
}
