/** Whose address `ipBlocks` means behind a load balancer that speaks the PROXY protocol: Envoy's own filter sees the balancer, ours its client. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../driver.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig, type ListenerSpec } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

const CLIENT = "203.0.113.7";
const PROXY_PROTOCOL = {
  name: "envoy.filters.listener.proxy_protocol",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
  },
};

let envoy: EnvoyProcess;
let folder: string;
const ports = { authz: 0, rbac: 0 };

/** A listener on which only the peers of this block pass. */
function ours(block: string): Partial<ListenerSpec> {
  const plugin = (configuration: Json) => ({
    module: "build/authz.wasm",
    name: "authz",
    rootId: "authz",
    configuration: JSON.stringify(configuration),
  });
  const rules = [{ from: [{ source: { ipBlocks: [block] } }] }];
  return { network: [plugin({})], plugins: [plugin({ policies: [{ name: "peers", rules }] })] };
}

function native(address: string): Partial<ListenerSpec> {
  const peers = {
    permissions: [{ any: true }],
    principals: [{ direct_remote_ip: { address_prefix: address, prefix_len: 32 } }],
  };
  return {
    filters: [
      {
        name: "rbac",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
          rules: { action: "ALLOW", policies: { peers } },
        },
      },
    ],
  };
}

const listener = (name: keyof typeof ports, more: Partial<ListenerSpec>): object => ({
  ...listenerConfig({ name, port: ports[name], revision: 1, plugins: [], answer: 200, ...more }),
  listener_filters: [PROXY_PROTOCOL],
});

/** The status that a request gets whose connection was passed on for {@link CLIENT}. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)));
    socket.write(
      `PROXY TCP4 ${CLIENT} 127.0.0.1 1234 80\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrigger-proxy-protocol-"));
  const file = new ListenerFile(join(folder, "lds.json"));
  ({ port: ports.authz } = await freePort());
  ({ port: ports.rbac } = await freePort());
  await file.write([listener("authz", ours(`${CLIENT}/32`)), listener("rbac", native("127.0.0.1"))]);
  envoy = await EnvoyProcess.start({
    concurrency: 1,
    bootstrap: {
      node: { id: "peers", cluster: "peers" },
      dynamic_resources: { lds_config: file.source },
    },
  });
});

afterAll(async () => {
  await envoy.stop();
  await rm(folder, { recursive: true, force: true });
});

// The README says so: a module is told no other address.
test("the client is the direct peer to a module, and the load balancer to Envoy's own filter", async () => {
  expect(await ask(ports.authz)).toBe("200");
  expect(await ask(ports.rbac)).toBe("200");
});
