/**
 * `npx tsx tools/trace-screenshots.ts`, by hand: what Zipkin shows of one request through three services that forward `x-request-id`
 * alone. With the plugin it is one trace (`docs/trace-joined.png`), with Envoy's own tracing it is several
 * (`docs/trace-broken.png`). Needs the built modules (`make build`), what `make e2e` needs for Zipkin, and `chromium`
 * (`apt-get install chromium fonts-dejavu-core`).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Zipkin } from "../test/peers/zipkin.ts";
import { Mesh, SPANS } from "../test/trace-propagation/mesh.ts";
import { REQUEST_ID_TAG, tracesOf } from "../test/trace-propagation/traces.ts";

/** Pixels. */
const WIDTH = 1200;

/** Bytes of a picture that a page may have. */
const LARGEST = 200_000;

/** Milliseconds that each service works, so that spans have lengths to see. */
const WORK = 20;

const zipkin = await Zipkin.start();
try {
  const [trace] = (await requestThrough("plugin")).traces;
  capture(`/zipkin/traces/${trace![0]!.traceId}`, 560, "docs/trace-joined.png");
  const { requestId } = await requestThrough("native");
  const query = new URLSearchParams({ annotationQuery: `${REQUEST_ID_TAG}=${requestId}`, limit: "10" });
  query.set("lookback", "15m");
  query.set("endTs", String(Date.now()));
  capture(`/zipkin/?${query.toString()}`, 480, "docs/trace-broken.png");
} finally {
  await zipkin.stop();
}

async function requestThrough(tracing: "plugin" | "native") {
  const mesh = await Mesh.start({ tracing, zipkinPort: zipkin.port, work: WORK });
  try {
    // The second request: the first one also waits for connections.
    await mesh.ask();
    const requestId = await mesh.ask();
    return { requestId, traces: await tracesOf(zipkin, requestId, SPANS) };
  } finally {
    await mesh.stop();
  }
}

/** Zipkin's own page, as wide as {@link WIDTH}, into a file. */
function capture(page: string, height: number, file: string): void {
  const profile = mkdtempSync(join(tmpdir(), "outrigger-chromium-"));
  try {
    const words = ["--headless", "--disable-gpu", "--hide-scrollbars", `--window-size=${WIDTH},${height}`];
    // The page asks for its data after it has been loaded: milliseconds that it believes to have.
    words.push("--virtual-time-budget=15000", `--user-data-dir=${profile}`, `--screenshot=${file}`);
    // Its sandbox refuses to run as root.
    if (process.getuid?.() === 0) words.push("--no-sandbox");
    const { status, error, stderr } = spawnSync("chromium", [...words, zipkin.url + page], {
      encoding: "utf8",
    });
    if (error) throw new Error(`chromium does not run (${error.message}): apt-get install chromium`);
    if (status !== 0) throw new Error(`chromium failed (${status}):\n${stderr}`);
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
  const { size } = statSync(file);
  if (size > LARGEST) throw new Error(`${file} has ${size} bytes, more than ${LARGEST}`);
  console.log(`${file}: ${size} bytes`);
}
