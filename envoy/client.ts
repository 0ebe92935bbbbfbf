/** One request to the local Envoy. */
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Milliseconds without a byte of the answer. */
const TIMEOUT = 10_000;

/** Sends GET on a connection of its own. The path goes as it is written: `fetch` would take `..` out of it. */
export function get(
  { host, port }: { host: string; port: number },
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path, headers, agent: false, timeout: TIMEOUT };
    const request = httpRequest(options, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on("error", reject);
    request.end();
  });
}
