/** Requests to a proxy exactly as they are told, many on one connection, and what an application behind it has received of each. */
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { HttpRequest, HttpResponse } from "../driver.ts";
import { dial, send } from "../envoy/http1.ts";
import type { Echo } from "./workload.ts";

const TIMEOUT = 10_000;

export interface Place {
  /** Of 127.0.0.0/8. */
  address: string;
  port: number;
  tls?: ConnectionOptions;
  /** The client's own address. */
  from?: string;
}

/** One after another, on a connection of their own. */
export async function play(place: Place, requests: readonly HttpRequest[]): Promise<HttpResponse[]> {
  const open = (): Socket => dial(place.port, place.tls, place.from, place.address);
  let socket = open();
  const responses: HttpResponse[] = [];
  try {
    for (const request of requests) {
      const { response } = await send(socket, request, TIMEOUT);
      responses.push(response);
      // What is no request ends its connection.
      if (response.status !== 400 && response.status !== 404) continue;
      socket.destroy();
      socket = open();
    }
  } finally {
    socket.destroy();
  }
  return responses;
}

/** What the application was asked; null where the answer is none of an application's. */
export function received({ status, body }: HttpResponse): Echo | null {
  const text = Buffer.from(body).toString();
  return status === 200 && text.startsWith("{") ? (JSON.parse(text) as Echo) : null;
}
