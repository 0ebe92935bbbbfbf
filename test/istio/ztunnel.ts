/**
 * What ztunnel does for workloads of an ambient mesh: it asks the waypoint for tunnels to Services, by CONNECT in HTTP/2 over mutual TLS with
 * the workload's certificate (HBONE, https://istio.io/latest/docs/ambient/architecture/hbone/).
 */
import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Certificate } from "../envoy/certificate.ts";
import { ask, type Answer, type Ask } from "./client.ts";

/** Of every waypoint (`HBoneInboundListenPort`, pilot/pkg/model of Istio). */
const PORT = 15008;

export class Ztunnel {
  private constructor(private readonly session: ClientHttp2Session) {}

  /** For one workload. Rejects where the waypoint does not take its certificate, or has another authority's. */
  static async start(waypoint: string, identity: Certificate & { authority: string }): Promise<Ztunnel> {
    const session = connect(`https://${waypoint}:${PORT}`, {
      cert: identity.certificate,
      key: identity.key,
      ca: identity.authority,
      // Workloads' names are URIs, which Node does not compare.
      checkServerIdentity: () => undefined,
    });
    await once(session, "connect");
    return new Ztunnel(session);
  }

  /** Asks a Service, by its address and port, in a tunnel of its own. Rejects where the waypoint makes none. */
  async ask(what: Ask): Promise<Answer> {
    return ask({ ...what, connection: await this.#tunnel(`${what.address}:${what.port}`) });
  }

  close(): void {
    this.session.destroy();
  }

  async #tunnel(to: string): Promise<ClientHttp2Stream> {
    const stream = this.session.request({ ":method": "CONNECT", ":authority": to });
    const [headers] = (await once(stream, "response")) as [{ ":status"?: number }];
    if (headers[":status"] === 200) return stream;
    stream.close();
    throw new Error(`CONNECT ${to}: the waypoint answers ${headers[":status"]}`);
  }
}
