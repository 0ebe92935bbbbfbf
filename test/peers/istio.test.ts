/** What is said where Istio or a registry cannot be had, and that what was built is built once. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bareEnvironment } from "./bare-environment.ts";
import { ISTIO_VERSION, locateIstio } from "./istio.ts";
import { locateRegistry } from "./registry.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "outrigger-locate-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const environment = (programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv =>
  bareEnvironment(folder, programs);

const cache = (): string[] => readdirSync(join(folder, "cache", "outrigger"));

test("without Go it says which one to install", async () => {
  await expect(locateIstio(environment({}))).rejects.toThrow(
    /no istio: go is not installed\nInstall Go 1.26.0 or later/,
  );
});

test("a build that fails is quoted, and leaves nothing in the cache", async () => {
  const go = `[ "$1" = version ] || { echo 'no space left on device'; exit 1; }`;
  await expect(locateIstio(environment({ go }))).rejects.toThrow(/failed \(1\):\nno space left on device/);
  expect(cache()).toEqual([]);
});

test("the programs are built together and once, and files of the module are kept beside them", async () => {
  const module = join(folder, "module");
  for (const file of [
    "manifests/charts/base/files/crd-all.gen.yaml",
    "tools/packaging/common/envoy_bootstrap.json",
  ]) {
    mkdirSync(join(module, file, ".."), { recursive: true });
    writeFileSync(join(module, file), file);
  }
  const built = join(folder, "built");
  const go = `
case "$1" in
  install) echo "$*" >> ${built}; for program in pilot-discovery pilot-agent istioctl; do echo > "$GOBIN/$program"; done ;;
  mod) echo '{"Dir": "${module}"}' ;;
esac`;
  const env = environment({ go });
  const istio = await locateIstio(env);
  expect(istio.agent).toBe(join(folder, "cache", "outrigger", `istio-${ISTIO_VERSION}`, "pilot-agent"));
  expect(readFileSync(istio.definitions, "utf8")).toBe("manifests/charts/base/files/crd-all.gen.yaml");
  expect(readFileSync(istio.bootstrap, "utf8")).toBe("tools/packaging/common/envoy_bootstrap.json");
  expect(await locateIstio(env)).toEqual(istio);
  const lines = readFileSync(built, "utf8").trim().split("\n");
  expect(lines).toHaveLength(1);
  for (const program of ["pilot/cmd/pilot-discovery", "pilot/cmd/pilot-agent", "istioctl/cmd/istioctl"])
    expect(lines[0]).toContain(`istio.io/istio/${program}@${ISTIO_VERSION}`);
});

test("a registry on the PATH is taken; without one and without apt-get it says what to install", async () => {
  const env = environment({ "docker-registry": "" });
  expect(await locateRegistry(env)).toBe(join(folder, "bin", "docker-registry"));
  rmSync(join(folder, "bin", "docker-registry"));
  await expect(locateRegistry(env)).rejects.toThrow(
    /no docker-registry: .*apt-get download failed \(ENOENT\).*Install it: apt-get install docker-registry/s,
  );
  expect(cache()).toEqual([]);
});
