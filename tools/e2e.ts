/**
 * `make e2e`: the tests against real servers beside Envoy: envoyproxy/ratelimit, istiod's translation of policies, Istio itself and its
 * fetcher of images, kubectl-validate, kustomize, Helm, crane and its registry, which are built once (Go), Debian's `redis-server` and
 * `docker-registry`, and Zipkin, which is fetched once (Maven, Java); and those of envoy/docker-compose.yaml in a Docker daemon of their
 * own, with Docker Compose (Go). What cannot be found is named, and the test files that need it are left out (e2e-peers.ts), which in CI
 * (`CI` set) is a failure. Ends with one line of totals.
 */
import { EnvoyNotFound } from "../test/envoy/locate.ts";
import { PeerNotFound } from "../test/peers/process.ts";
import { leftOut, NEEDS, PEERS, type PeerName } from "./e2e-peers.ts";
import { heading, TestRun } from "./test-run.ts";

const tests = new TestRun("e2e");
if (await tests.build()) {
  heading("Real servers");
  let envoy: string | undefined;
  const missing = new Map<PeerName, string>();
  for (const name of Object.keys(PEERS) as PeerName[]) {
    try {
      const path = await PEERS[name]();
      console.log(path);
      if (name === "envoy") envoy = path;
    } catch (error) {
      if (!(error instanceof EnvoyNotFound) && !(error instanceof PeerNotFound)) throw error;
      console.log(error.message);
      missing.set(name, error.message.split("\n")[0]!);
    }
  }
  const without = leftOut(missing);
  tests.skipped.push(...without.map(({ file, why }) => `${file}: ${why}`));
  if (without.length < Object.keys(NEEDS).length)
    await tests.vitest(
      "e2e",
      envoy === undefined ? {} : { ENVOY_BIN: envoy },
      without.map(({ file }) => file),
    );
}
await tests.finish();
