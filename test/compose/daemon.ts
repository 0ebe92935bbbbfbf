/**
 * `tsx test/compose/daemon.ts stop|exit`: starts a Docker daemon of its own with a container in a network, says as JSON what of the machine's
 * it has, and ends: in order, or without having stopped the daemon.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Docker } from "../peers/docker.ts";
import { importStandIns } from "./stand-ins.ts";

/** What is to be gone with a daemon. */
export interface Traces {
  /** Process ids of the daemon, of containerd, and of the container's program. */
  processes: number[];
  /** The network's interface. */
  bridge: string;
  /** All of its files. */
  folder: string;
}

/** Of docker-compose.yaml's, the image that is made fastest. */
const IMAGE = "redis:0.0.0";
/** Of the container and its network. */
const NAME = "outlives";

async function main(ending: string | undefined): Promise<void> {
  const docker = await Docker.start();
  await importStandIns(docker, [IMAGE]);
  await docker.run("network", "create", NAME);
  const options = ["--detach", "--name", NAME, "--network", NAME];
  await docker.run("run", ...options, IMAGE, "redis-server", "--save", "");
  const network = await docker.run("network", "inspect", "--format", "{{.Id}}", NAME);
  const folder = dirname(docker.environment.DOCKER_HOST!.replace("unix://", ""));
  const traces: Traces = {
    processes: [
      readFileSync(join(folder, "pid"), "utf8"),
      readFileSync(join(folder, "exec", "containerd", "containerd.pid"), "utf8"),
      await docker.run("inspect", "--format", "{{.State.Pid}}", NAME),
    ].map(Number),
    bridge: `br-${network.slice(0, 12)}`,
    folder,
  };
  console.log(JSON.stringify(traces));
  // Its reader looks whether they are there.
  await once(process.stdin.resume(), "end");
  if (ending === "stop") await docker.stop();
  process.exit();
}

await main(process.argv[2]);
