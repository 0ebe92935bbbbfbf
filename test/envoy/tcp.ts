/** A client of plain TCP. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TcpExchange, TcpTalk } from "../driver.ts";
import { dial } from "./http1.ts";

/** Milliseconds after which what was sent has gone its way, on loopback. */
const SETTLED = 60;
/** Milliseconds that a proxy has to close a connection whose client has ended. */
const LAST = 300;

/** Plays one connection to 127.0.0.1 to its end. */
export async function talkTcp(port: number, talk: TcpTalk): Promise<Omit<TcpExchange, "server">> {
  const socket = dial(port);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => {
    socket.once("connect", () => resolve());
    void closed.then(resolve);
  });
  await sleep(SETTLED);
  for (const piece of talk.pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    await sleep(SETTLED);
  }
  await sleep(talk.stay ?? 0);
  const refused = socket.destroyed || socket.readableEnded;
  if (talk.end === "reset") socket.resetAndDestroy();
  else socket.end();
  await Promise.race([closed, sleep(LAST, undefined, { ref: false })]);
  if (!socket.destroyed) socket.resetAndDestroy();
  return { client: Buffer.concat(chunks), refused };
}
