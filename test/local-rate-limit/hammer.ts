/**
 * A client for very many requests: as many connections as asked for, a request at a time on each (Envoy ends a connection on which more than
 * two of its own answers wait, `codec_impl.cc`: "Too many responses queued"), and a count of the answers' statuses.
 */
import { connect } from "node:net";

export interface Load {
  port: number;
  connections: number;
  requests: number;
  /** Headers of the request with this number. */
  headers?: (number: number) => Readonly<Record<string, string>>;
}

/** How many answers had which status. Fails when a connection ends before all are there, or nothing comes for 20 s. */
export async function hammer({ port, connections, requests, headers }: Load): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  const connection = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true });
      let waiting = false;
      let rest = "";
      const ask = (): void => {
        waiting = next < requests;
        if (waiting) socket.write(requestOf(headers?.(next) ?? {}));
        else socket.destroy();
        next++;
      };
      socket.setEncoding("latin1");
      socket.setTimeout(20_000, () => socket.destroy(new Error("no answer within 20 s")));
      socket.on("connect", ask);
      socket.on("data", (chunk: string) => {
        rest += chunk;
        const end = endOfAnswer(rest);
        if (end < 0) return;
        const status = Number(rest.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        rest = rest.slice(end);
        ask();
      });
      socket.on("error", reject);
      socket.on("close", () =>
        waiting ? reject(new Error("the connection ended before the answer")) : resolve(),
      );
    });
  await Promise.all(Array.from({ length: connections }, connection));
  return statuses;
}

/** Where an answer ends that has a `content-length`, as Envoy's own have; negative while it is not all there. */
function endOfAnswer(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return -1;
  const length = Number(/\r\ncontent-length: (\d+)/.exec(text.slice(0, head))?.[1] ?? 0);
  const end = head + 4 + length;
  return text.length < end ? -1 : end;
}

function requestOf(headers: Readonly<Record<string, string>>): string {
  let text = "GET / HTTP/1.1\r\nhost: limits\r\n";
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}
