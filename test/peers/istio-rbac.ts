/** istiod's translation of authorization, as a program: what Envoy's own filters are configured with for the same policies. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { goProgram } from "./go-tool.ts";

/** A resource `AuthorizationPolicy`, as far as it matters to a workload that it is for. */
export interface NamedPolicy {
  name: string;
  namespace: string;
  annotations?: Readonly<Record<string, string>>;
  spec: object;
}

export interface Asked {
  trustDomain: string;
  trustDomainAliases?: readonly string[];
  policies: readonly NamedPolicy[];
  /** The spec of a `RequestAuthentication`. */
  requestAuthentication?: object;
}

export interface Translated {
  /** Envoy's HTTP filters, in order: jwt_authn, then RBAC for AUDIT, DENY and ALLOW, each where it is needed. */
  filters: object[];
  /** What Istio's validation says of each policy; empty where it is taken. One that is refused is in no filter. */
  policyErrors: string[];
  /** The same of the RequestAuthentication. */
  requestAuthenticationError: string;
}

/** The path of the program, built when it is not yet: some minutes. Throws `PeerNotFound`. */
export const locateIstioRbac = goProgram({ name: "istio-rbac", go: "1.26.0" });

/** The program while it runs: one for any number of questions. */
export class IstioRbac {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: Translated) => void; reject: (error: Error) => void }[] = [];
  #errors = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on("line", (line) =>
      this.#waiting.shift()?.resolve(JSON.parse(line) as Translated),
    );
    child.stderr!.on("data", (chunk: Buffer) => (this.#errors += chunk.toString()));
    const end = (why: string): void => {
      for (const { reject } of this.#waiting.splice(0))
        reject(new Error(`istio-rbac: ${why}\n${this.#errors}`));
    };
    child.once("error", ({ message }) => end(message));
    child.once("close", (code, signal) => end(`ended (${signal ?? code})`));
    // It may be gone before it has read all: `close` says so.
    child.stdin!.on("error", () => undefined);
  }

  /** Throws `PeerNotFound`. */
  static async start(): Promise<IstioRbac> {
    return new IstioRbac(spawn(await locateIstioRbac(), { stdio: ["pipe", "pipe", "pipe"] }));
  }

  translate(asked: Asked): Promise<Translated> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify(asked)}\n`);
    });
  }

  /** It ends with its input. */
  stop(): void {
    this.#child.stdin!.end();
  }
}
