/**
 * What a cluster would say of a folder of manifests, offline: `istioctl validate` (fields of Istio's resources), `istioctl analyze` (what
 * they say together), and kubectl-validate (schemas and CEL rules as an API server has them, of Kubernetes' resources and Istio's). Each
 * finds what the others do not.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseResources } from "../peers/kube-resources.ts";
import { locateIstio } from "../peers/istio.ts";
import { locateKubectlValidate } from "../peers/kubectl-validate.ts";

export interface Problem {
  tool: "istioctl validate" | "istioctl analyze" | "kubectl-validate";
  /** File and line or field, or the resource, as the tool names it. */
  at: string;
  /** Of `istioctl analyze`: `IST0101`. */
  code?: string;
  message: string;
}

/** Groups of what is no resource of a cluster, or whose definition is not Istio's: they have no schema here. */
const WITHOUT_SCHEMA = ["kustomize.config.k8s.io", "install.istio.io", "cert-manager.io"];

export interface Validation {
  /** Relative to the folder. */
  files: string[];
  problems: Problem[];
}

/** All `*.yaml` of a folder, and of those in it; `except` leaves out what is no manifest. Throws `PeerNotFound`. */
export async function validateManifests(
  folder: string,
  except: (file: string) => boolean = () => false,
): Promise<Validation> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml") && !except(file))
    .sort();
  const istio = await locateIstio();
  return {
    files,
    problems: [
      ...(await validated(istio.istioctl, folder, files)),
      ...(await analyzed(istio.istioctl, folder, files)),
      ...(await withSchemas(istio.definitions, folder, files)),
    ],
  };
}

async function validated(istioctl: string, folder: string, files: readonly string[]): Promise<Problem[]> {
  const { out, err } = await run(istioctl, ["validate", ...files.flatMap((file) => ["-f", file])], folder);
  return `${out}\n${err}`
    .split("\n")
    .map((line) => line.trim())
    .filter(
      (line) => line !== "" && !/^".*" (is valid|has warnings:)$|^Error: \d+ errors? occurred:$/.test(line),
    )
    .map((line) => {
      const [, at = "", message = line] = /^\* (\S+): (.*)$/.exec(line) ?? [];
      return { tool: "istioctl validate", at, message };
    });
}

async function analyzed(istioctl: string, folder: string, files: readonly string[]): Promise<Problem[]> {
  const words = ["analyze", "--all-namespaces", "--use-kube=false", "--output", "json", ...files];
  const { out, err } = await run(istioctl, words, folder);
  const found = JSON.parse(out) as { code: string; message: string; origin: string; reference?: string }[];
  const problems: Problem[] = found.map(({ code, message, origin, reference }) => ({
    tool: "istioctl analyze",
    at: reference ?? origin,
    code,
    message,
  }));
  // What it cannot read it leaves out, and says so here.
  for (const [, at = "", message = ""] of err.matchAll(/^\s*\* error processing (\S+): (.*)$/gm))
    problems.push({ tool: "istioctl analyze", at, message });
  return problems;
}

async function withSchemas(
  definitions: string,
  folder: string,
  files: readonly string[],
): Promise<Problem[]> {
  const known = files.filter((file) =>
    parseResources(readFileSync(join(folder, file), "utf8")).some(
      ({ apiVersion }) => !WITHOUT_SCHEMA.includes(String(apiVersion).split("/")[0]!),
    ),
  );
  if (known.length === 0) return [];
  const validator = await locateKubectlValidate();
  const crds = mkdtempSync(join(tmpdir(), "outrigger-crds-"));
  try {
    copyFileSync(definitions, join(crds, "istio.yaml"));
    const { out } = await run(validator, ["--output", "json", "--local-crds", crds, ...known], folder);
    const statuses = JSON.parse(out) as Record<string, { status: string; message: string }[]>;
    return Object.entries(statuses).flatMap(([at, documents]) =>
      documents
        .filter(({ status }) => status !== "Success")
        .map(({ message }): Problem => ({ tool: "kubectl-validate", at, message: message.trim() })),
    );
  } finally {
    rmSync(crds, { recursive: true, force: true });
  }
}

/** Whatever it ends with: what is wrong with manifests is told on its output. */
function run(command: string, words: readonly string[], cwd: string): Promise<{ out: string; err: string }> {
  // Not the user's cluster.
  const env = { PATH: process.env.PATH, HOME: cwd, KUBECONFIG: "/dev/null" };
  return new Promise((resolve, reject) => {
    execFile(command, words, { cwd, env, maxBuffer: 2 ** 26, timeout: 120_000 }, (error, out, err) => {
      if (error !== null && typeof error.code !== "number") reject(new Error(`${command}: ${error.message}`));
      else resolve({ out, err });
    });
  });
}
