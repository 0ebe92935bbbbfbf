/**
 * `make dev`: keeps the Envoy of envoy.yaml running, builds the modules when their sources change, and loads
 * them (or a changed listener of envoy.yaml) without a restart. A build that fails or a configuration that is refused
 * leaves what runs as it is. Ctrl-C ends everything.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, watch, type FSWatcher } from "node:fs";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ListenerFile } from "../test/envoy/lds.ts";
import { EnvoyProcess, type EnvoyLog } from "../test/envoy/process.ts";
import {
  closeAll,
  freePorts,
  listenerPort,
  missingModules,
  modulesOf,
  readConfig,
  ROOT,
  startUpstreams,
  type Bootstrap,
  type Ports,
} from "./local.ts";
import { LIMITS_FILE, startRateLimits } from "./ratelimit.ts";

/** Milliseconds of quiet after a change, since editors and git write several files. */
const QUIET = 150;

const ports: Ports = new Map();
const folder = await mkdtemp(join(tmpdir(), "outrigger-dev-"));
const file = new ListenerFile(join(folder, "lds.json"));

let config = await loadConfig();
if (missingModules(config) !== null) await build();
const missing = missingModules(config);
if (missing !== null) {
  console.error(missing);
  await rm(folder, { recursive: true, force: true });
  process.exit(1);
}
const servers = await startUpstreams(config);
const rateLimits = await startRateLimits(config).catch(async (error: unknown) => {
  closeAll(servers);
  await rm(folder, { recursive: true, force: true });
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
let listeners = await withHashedModules(config);
await file.write(listeners);
const envoy = await EnvoyProcess.start({
  bootstrap: {
    ...config,
    static_resources: { ...config.static_resources, listeners: [] },
    dynamic_resources: { lds_config: file.source },
    node: { id: "outrigger-dev", cluster: "outrigger-dev" },
  },
  cwd: ROOT,
  componentLogLevel: "wasm:info,config:warning",
  onLog: showLog,
  onOutput: (line) => console.log(line),
}).catch(async (error: unknown) => {
  rateLimits.close();
  closeAll(servers);
  await rm(folder, { recursive: true, force: true });
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
console.log(`Envoy: http://127.0.0.1:${listenerPort(config)}, admin http://127.0.0.1:${envoy.adminPort}`);
console.log(`Try: curl -s 127.0.0.1:${listenerPort(config)}/reviews/1 -H 'x-beta-user: true'`);
console.log(`Rate limit service: 127.0.0.1:${rateLimits.port} (gRPC), ${LIMITS_FILE}, read at the start`);
console.log("Watching assembly/, filters/ and envoy/envoy.yaml; Ctrl-C ends.");

// ---- Watching: one thing at a time, and what changes meanwhile is done afterwards ----

let changed = { sources: false, config: false };
let timer: NodeJS.Timeout | undefined;
let busy = false;
const isSource = (name: string): boolean => name.endsWith(".ts") && !/\.(test|spec)\.ts$/.test(name);
const watchers = new Map<string, FSWatcher>();
watchSources();
watchers.set(
  "envoy",
  watch(join(ROOT, "envoy"), (_, name) => name === "envoy.yaml" && soon("config")),
);

/** Watches each folder by itself: Node's recursive watching loses a file that an editor replaces. */
function watchSources(): void {
  for (const top of ["assembly", "filters"]
    .map((name) => join(ROOT, name))
    .filter((path) => existsSync(path))) {
    const below = readdirSync(top, { withFileTypes: true, recursive: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const path of [top, ...below.map((entry) => join(entry.parentPath, entry.name))]) {
      if (watchers.has(path)) continue;
      const watcher = watch(path, (_, name) => {
        watchSources();
        if (name !== null && isSource(name)) soon("sources");
      });
      const forget = (): void => {
        watcher.close();
        watchers.delete(path);
      };
      watcher.on("error", forget);
      watchers.set(path, watcher);
    }
  }
}

function soon(what: "sources" | "config"): void {
  changed[what] = true;
  clearTimeout(timer);
  timer = setTimeout(() => void work(), QUIET);
}

async function work(): Promise<void> {
  if (busy || !(changed.sources || changed.config)) return;
  busy = true;
  const { sources } = changed;
  changed = { sources: false, config: false };
  try {
    if (!sources || (await build())) await reload();
  } catch (error) {
    console.error(`not reloaded: ${(error as Error).message}`);
  }
  busy = false;
  await work();
}

async function build(): Promise<boolean> {
  const start = Date.now();
  console.log("building ...");
  const code = await new Promise<number | string>((resolve) => {
    const child = spawn("npm", ["run", "-s", "build", "--", "modules"], { cwd: ROOT, stdio: "inherit" });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (exit, signal) => resolve(exit ?? signal ?? "unknown"));
  });
  if (code === 0) console.log(`built in ${((Date.now() - start) / 1000).toFixed(1)} s`);
  else console.error(`the build failed (${code}); what ran before keeps running`);
  return code === 0;
}

async function reload(): Promise<void> {
  const next = await loadConfig();
  const nextListeners = await withHashedModules(next);
  if (
    JSON.stringify([next.admin, next.static_resources.clusters]) !==
    JSON.stringify([config.admin, config.static_resources.clusters])
  ) {
    console.log("admin or clusters of envoy.yaml changed: restart `make dev` for these");
  }
  const changes = nextListeners.filter(
    (listener) => !listeners.some((old) => JSON.stringify(old) === JSON.stringify(listener)),
  );
  if (changes.length === 0 && nextListeners.length === listeners.length) {
    console.log("nothing to reload: modules and listeners are the same");
    return;
  }
  const start = Date.now();
  if ((await file.update(envoy, nextListeners, changes.length)) === "rejected") {
    // Envoy's reason is among its log lines.
    console.error("Envoy refused the change; what ran before keeps running");
    return;
  }
  config = next;
  listeners = nextListeners;
  console.log(`reloaded in ${Date.now() - start} ms`);
}

async function loadConfig(): Promise<Bootstrap> {
  const loaded = readConfig();
  await freePorts(loaded, ports);
  return loaded;
}

/** The listeners with each module copied to a name that changes with its content: Envoy reads no path twice. */
async function withHashedModules(of: Bootstrap): Promise<object[]> {
  let text = JSON.stringify(of.static_resources.listeners);
  for (const module of modulesOf(of)) {
    const source = join(ROOT, module);
    const hash = createHash("sha256")
      .update(await readFile(source))
      .digest("hex")
      .slice(0, 12);
    const copy = join(folder, `${basename(module, ".wasm")}.${hash}.wasm`);
    if (!existsSync(copy)) await copyFile(source, copy);
    text = text.replaceAll(`"filename":"${module}"`, `"filename":${JSON.stringify(copy)}`);
  }
  const type = "type.googleapis.com/envoy.config.listener.v3.Listener";
  return (JSON.parse(text) as object[]).map((listener) => ({ "@type": type, ...listener }));
}

function showLog(log: EnvoyLog): void {
  // Envoy tells a rejected listener twice, the second time with its name.
  if (log.component === "upstream" && log.text.includes("config rejected")) return;
  const lines = log.text.trimEnd().split("\n");
  // A configuration that breaks a constraint is printed whole before the reason.
  const text = lines.length > 30 ? `${lines[0]} ...\n${lines.at(-1)}` : lines.join("\n");
  console.error(`[${log.level}] ${text}`);
}

// ---- The end ----

let ending = false;
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  for (const watcher of watchers.values()) watcher.close();
  await envoy.stop();
  rateLimits.close();
  closeAll(servers);
  await rm(folder, { recursive: true, force: true });
  process.exit(code);
}
process.on("SIGINT", () => void end(0));
process.on("SIGTERM", () => void end(0));
void envoy.exited.then((how) => {
  if (ending) return;
  console.error(`Envoy ended (${how})`);
  void end(1);
});
