/**
 * Two versions of a service for envoy.yaml to choose between: each answers with its version and the headers it saw.
 * `npx tsx envoy/upstream.ts` serves v1 on 127.0.0.1:18081 and v2 on 127.0.0.1:18082 until it is stopped.
 */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { pathToFileURL } from "node:url";

/** What a version answers, as JSON. */
export interface UpstreamAnswer {
  version: string;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

/** Starts one version on 127.0.0.1. */
export async function startUpstream(version: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    const answer: UpstreamAnswer = { version, method, path, headers };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify(answer, null, 2)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [version, port] of [
    ["v1", 18081],
    ["v2", 18082],
  ] as const) {
    await startUpstream(version, port);
    console.log(`reviews ${version} on http://127.0.0.1:${port}`);
  }
}
