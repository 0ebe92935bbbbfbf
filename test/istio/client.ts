/** A client of proxies at any loopback address, over HTTP or HTTPS. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

export interface Ask {
  address: string;
  port: number;
  /** The authority. */
  host: string;
  path?: string;
  method?: string;
  headers?: Readonly<Record<string, string>>;
  /** PEM of who signed the server's certificate: asks by HTTPS, for the server name of `host`. */
  authority?: string;
  /** To keep connections. */
  agent?: HttpAgent | HttpsAgent;
  /** What the request goes through, in the place of a connection to the address. */
  connection?: Duplex;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** Milliseconds from the request to the end of the answer. */
  took: number;
}

/** Rejects where the connection breaks, and without an answer within ten seconds. */
export function ask(what: Ask): Promise<Answer> {
  const { address, port, host, path = "/", method = "GET", headers = {}, authority, connection } = what;
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const options = {
      host: address,
      port,
      path,
      method,
      headers: { ...headers, host },
      timeout: 10_000,
      ...(connection === undefined ? { agent: what.agent ?? false } : { createConnection: () => connection }),
    };
    const outgoing =
      authority === undefined
        ? httpRequest(options)
        : httpsRequest({ ...options, ca: authority, servername: host.split(":")[0] });
    outgoing.on("response", (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const took = performance.now() - begin;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body, took });
      });
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 10 s")));
    outgoing.end();
  });
}

/** So many answers, of requests of which `atOnce` are under way at the same time. */
export async function many(count: number, asked: () => Promise<Answer>, atOnce = 20): Promise<Answer[]> {
  const answers: Answer[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) answers.push(await asked());
    }),
  );
  return answers;
}

/**
 * Tries until `holds` does not throw, at least once, and answers what it answers. After `within` milliseconds it throws what was thrown
 * last: for what a mesh does some time after it has been told to.
 */
export async function eventually<T>(holds: () => Promise<T> | T, within = 20_000): Promise<T> {
  const end = performance.now() + within;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(50);
  }
}
