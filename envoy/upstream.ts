/**
 * Two versions of a service for envoy.yaml to choose between: each answers with its version and the headers it saw.
 * `npx tsx envoy/upstream.ts` serves v1 on 127.0.0.1:18081 and v2 on 127.0.0.1:18082 until it is stopped; with arguments, `VERSION PORT HOST`,
 * that one version there.
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

/** Starts one version, on loopback unless told otherwise. */
export async function startUpstream(version: string, port: number, host = "127.0.0.1"): Promise<Server> {
  const server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    const answer: UpstreamAnswer = { version, method, path, headers };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify(answer, null, 2)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [version, port, host = "127.0.0.1"] = process.argv.slice(2);
  const versions: [string, number][] =
    version === undefined
      ? [
          ["v1", 18081],
          ["v2", 18082],
        ]
      : [[version, Number(port)]];
  for (const [name, at] of versions) {
    await startUpstream(name, at, host);
    console.log(`reviews ${name} on http://${host}:${at}`);
  }
}
