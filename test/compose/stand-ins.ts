/**
 * Images under the names that docker-compose.yaml has, made of the programs at hand where none can be pulled: the program, the libraries that
 * it is linked with, and what the entry point and the health check of the real image use, at the same paths. What the real images have beside
 * it (users, certificates, their own start scripts) is not there and not tested.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { locateEnvoy } from "../envoy/locate.ts";
import { run } from "../peers/cache.ts";
import type { Docker } from "../peers/docker.ts";
import { locateProgram } from "../peers/program.ts";
import { locatePrometheus } from "../peers/prometheus.ts";
import { locateRateLimit } from "../peers/ratelimit.ts";
import { locateRedis } from "../peers/redis.ts";
import { locateJava, locateZipkin } from "../peers/zipkin.ts";

interface StandIn {
  /** The beginning of the real image's name, up to the tag. */
  repository: string;
  /** Path in the image → path here, of a file or a folder. */
  paths: Readonly<Record<string, string>>;
  /** Path in the image → its text, of a program. */
  scripts?: Readonly<Record<string, string>>;
  /** As in a Dockerfile. */
  entrypoint?: string;
  /** Who it runs as, where that is not root, and the folder that is that user's own, with mode 0775. */
  user?: { id: number; folder: string };
}

/** Those that can be made: Grafana cannot be had as a package. Throws {@link PeerNotFound}. */
export async function standIns(): Promise<StandIn[]> {
  const sh = await locateProgram("sh", "dash");
  const wget = await locateProgram("wget", "wget");
  const java = await javaHome();
  return [
    {
      repository: "envoyproxy/envoy",
      paths: {
        "/usr/local/bin/envoy": await locateEnvoy(),
        "/bin/bash": await locateProgram("bash", "bash"),
        "/bin/sh": sh,
      },
      // The real one gives up the rights of root first.
      scripts: { "/docker-entrypoint.sh": '#!/bin/sh\nexec "$@"\n' },
      entrypoint: '["/docker-entrypoint.sh"]',
    },
    { repository: "node", paths: { "/usr/local/bin/node": process.execPath } },
    {
      repository: "redis",
      paths: {
        "/usr/local/bin/redis-server": await locateRedis(),
        "/usr/local/bin/redis-cli": await locateProgram("redis-cli", "redis-tools"),
      },
    },
    { repository: "envoyproxy/ratelimit", paths: { "/bin/ratelimit": await locateRateLimit() } },
    {
      repository: "openzipkin/zipkin",
      paths: {
        // What it runs on, without the sources and modules that a development kit has beside it.
        ...Object.fromEntries(
          ["bin", "conf", "lib"].map((folder) => [join("/java", folder), join(java, folder)]),
        ),
        "/zipkin/zipkin.jar": await locateZipkin(),
        "/bin/sh": sh,
        "/usr/bin/wget": wget,
      },
      scripts: {
        "/usr/local/bin/start-zipkin":
          "#!/bin/sh\nexec /java/bin/java -Xmx192m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar /zipkin/zipkin.jar\n",
      },
      entrypoint: '["start-zipkin"]',
    },
    {
      repository: "prom/prometheus",
      paths: {
        "/bin/prometheus": await locatePrometheus(),
        "/usr/bin/wget": wget,
      },
      entrypoint: '["/bin/prometheus"]',
      user: { id: 65534, folder: "/prometheus" },
    },
  ];
}

/** Gives the daemon an image under each of the names for which there is a stand-in, and answers the names that have none. */
export async function importStandIns(docker: Docker, images: readonly string[]): Promise<string[]> {
  const made = await standIns();
  const without: string[] = [];
  for (const image of new Set(images)) {
    const standIn = made.find(({ repository }) => image.startsWith(`${repository}:`));
    if (standIn === undefined) without.push(image);
    else await importImage(docker, image, standIn);
  }
  return without;
}

async function importImage(docker: Docker, image: string, standIn: StandIn): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-image-"));
  try {
    mkdirSync(join(folder, "tmp"));
    chmodSync(join(folder, "tmp"), 0o1777);
    for (const [path, source] of Object.entries(standIn.paths)) {
      const files = await filesOf(await realpath(source));
      for (const [below, file] of files) place(folder, join(path, below), file);
      for (const library of await librariesOf(source)) place(folder, library, library);
    }
    for (const [path, script] of Object.entries(standIn.scripts ?? {})) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), script, { mode: 0o755 });
    }
    const { entrypoint, user } = standIn;
    if (user !== undefined) {
      const home = join(folder, user.folder);
      mkdirSync(home);
      chmodSync(home, 0o775);
      chownSync(home, user.id, user.id);
    }
    await pipe(
      // The folder holds links, and the image what they lead to.
      ["tar", "--create", "--dereference", "--directory", folder, "."],
      [
        "docker",
        "import",
        ...(entrypoint === undefined ? [] : ["--change", `ENTRYPOINT ${entrypoint}`]),
        ...(user === undefined ? [] : ["--change", `USER ${user.id}`]),
        "-",
        image,
      ],
      docker.environment,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function place(folder: string, path: string, source: string): void {
  const link = join(folder, path);
  if (existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(source, link);
}

/** The files of a folder, by their paths below it; of a file, that one with an empty path. Links that lead nowhere are left out. */
async function filesOf(source: string): Promise<[string, string][]> {
  const { output } = await run("find", ["-L", source, "-type", "f"]);
  return output
    .split("\n")
    .filter((path) => path !== "")
    .map((path) => [path.slice(source.length), path]);
}

/** The libraries that a program, or the programs and libraries below a folder, are linked with, but for those below it. */
async function librariesOf(source: string): Promise<string[]> {
  const files = (await filesOf(await realpath(source))).map(([, file]) => file);
  // It fails for what is linked with nothing, and tells of the others all the same.
  const { output } = await run("ldd", files);
  const libraries = output.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm);
  return [...new Set([...libraries].map(([, path]) => path!))].filter((path) => !path.startsWith(source));
}

/** Runs two commands, the first one's output being the second one's input. Rejects with what they say where one fails. */
async function pipe(
  [from, ...fromWords]: readonly [string, ...string[]],
  [to, ...toWords]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const source = spawn(from, fromWords, { stdio: ["ignore", "pipe", "pipe"] });
  const sink = spawn(to, toWords, { env, stdio: [source.stdout, "ignore", "pipe"] });
  source.stdout.destroy();
  const ends = [source, sink].map((child) => new Promise((resolve) => child.once("close", resolve)));
  const said = await Promise.all([source.stderr, sink.stderr].map((stream) => text(stream)));
  if ((await Promise.all(ends)).some((code) => code !== 0))
    throw new Error(`${[from, "|", to, ...toWords].join(" ")} failed:\n${said.join("").trim()}`);
}

/** The folder that `java` is below. */
async function javaHome(): Promise<string> {
  return dirname(dirname(await realpath(await locateJava())));
}
