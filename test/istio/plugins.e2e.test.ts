/** Each filter, from a registry by a WasmPlugin, decides on a gateway and on a sidecar of the real Istio. */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { Bookinfo, echo } from "./bookinfo.ts";
import { eventually, type Answer } from "./client.ts";
import { Mesh } from "./mesh.ts";
import { pushModules, rateLimitEndpoints, VERSION } from "./modules.ts";
import { referenceTo, wasmPlugin, type PluginOptions } from "./wasm-plugin.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

describe("with the real Istio", () => {
  let mesh: Mesh;
  let bookinfo: Bookinfo;
  let redis: Redis;
  let rateLimit: RateLimit;

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    mesh = await Mesh.start({ accessLogFile: "access.log" });
    bookinfo = await Bookinfo.deploy(mesh);
    await pushModules(mesh.registry);
    redis = await Redis.start();
    rateLimit = await RateLimit.start({ redis, configurations: [LIMITS] });
    mesh.apply(RATE_LIMIT_SERVICE, rateLimitEndpoints(rateLimit.port));
    await eventually(async () => echo(await bookinfo.fromOutside()));
  }, 900_000);

  afterAll(async () => {
    await mesh?.stop();
    await rateLimit?.stop();
    await redis?.stop();
  });

  /** The filter is there while `inForce` plays; `absent` holds before and after. */
  async function played(
    filter: string,
    options: Omit<PluginOptions, "url">,
    inForce: () => Promise<void>,
    absent: () => Promise<void>,
  ): Promise<void> {
    onTestFailed(() => console.log(mesh.log()));
    await eventually(absent);
    mesh.apply(
      wasmPlugin(filter, { ...options, url: `oci://${mesh.registry.host}/outrigger/${filter}:${VERSION}` }),
    );
    try {
      await inForce();
    } finally {
      mesh.delete(referenceTo(filter, options.on));
    }
    await eventually(absent);
  }

  describe("on the gateway", () => {
    test("dark-launch chooses the version that the route leads to", { timeout: 60_000 }, async () => {
      const config = {
        default: "v1",
        rules: [{ name: "beta", variant: "v2", match: { headers: { "x-beta-user": "true" } } }],
      };
      const workload = async (headers: Record<string, string>): Promise<string> =>
        echo(await bookinfo.fromOutside({ path: "/reviews/1", headers })).workload;
      await played(
        "dark-launch",
        { on: "gateway", mode: "CLIENT", config },
        async () => {
          await eventually(async () => expect(await workload({ "x-beta-user": "true" })).toBe("reviews-v2"));
          expect(await workload({ "x-beta-user": "false" })).toBe("reviews-v1");
          await eventually(async () => expect(await workload({ "x-variant": "v2" })).toBe("reviews-v1"));
        },
        async () => {
          expect(await workload({ "x-beta-user": "true" })).toBe("reviews-v1");
          expect(await workload({ "x-variant": "v2" })).toBe("reviews-v2");
        },
      );
    });

    test("authz denies with its own answer, and the access log says why", { timeout: 60_000 }, async () => {
      const config = {
        policies: [
          {
            name: "no-secrets",
            action: "DENY",
            rules: [{ to: [{ operation: { paths: ["/reviews/secret*"] } }] }],
          },
        ],
        deny: { status: 403, body: "not for you" },
      };
      const secret = (): Promise<Answer> => bookinfo.fromOutside({ path: "/reviews/secret/1" });
      await played(
        "authz",
        { on: "gateway", mode: "CLIENT", phase: "AUTHZ", failStrategy: "FAIL_RELOAD", config },
        async () => {
          await eventually(async () =>
            expect(await secret()).toMatchObject({ status: 403, body: "not for you" }),
          );
          echo(await bookinfo.fromOutside({ path: "/reviews/1" }));
          await eventually(() =>
            expect(bookinfo.gateway.lines("access.log").join("\n")).toMatch(
              /"GET \/reviews\/secret\/1 HTTP\/1.1" 403 .*authz:no-secrets/,
            ),
          );
        },
        async () => void echo(await secret()),
      );
    });

    test("local-rate-limit refuses what is over the limit", { timeout: 60_000 }, async () => {
      const limit = {
        name: "two",
        match: { path: { prefix: "/reviews/limited" } },
        limit: { requests: 2, per: "hour" },
      };
      await played(
        "local-rate-limit",
        { on: "gateway", mode: "CLIENT", config: { limits: [limit] } },
        () => refusedAfterTwo(() => bookinfo.fromOutside({ path: "/reviews/limited" })),
        async () => void echo(await bookinfo.fromOutside({ path: "/reviews/limited" })),
      );
    });

    test("global-rate-limit asks the service of the mesh", { timeout: 60_000 }, async () => {
      const asked = (): Promise<Answer> =>
        bookinfo.fromOutside({ path: "/reviews/1", headers: { "x-tenant": "gateway" } });
      await played(
        "global-rate-limit",
        { on: "gateway", mode: "CLIENT", config: GLOBAL },
        () => refusedAfterTwo(asked),
        async () => void echo(await asked()),
      );
    });

    test("trace-propagation begins a trace anew for outsiders", { timeout: 60_000 }, async () => {
      const seen = async (): Promise<string> => {
        const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
        const received = echo(await bookinfo.fromOutside({ path: "/reviews/1", headers }));
        return TRACEPARENT.exec(String(received.headers.traceparent))?.[1] ?? "none";
      };
      await played(
        "trace-propagation",
        { on: "gateway", mode: "CLIENT", config: { extract: ["w3c"], inject: ["w3c"], trustInbound: false } },
        () =>
          eventually(async () => {
            const trace = await seen();
            expect(trace).toHaveLength(32);
            expect(trace).not.toBe(TRACE);
          }),
        async () => expect(await seen()).toBe(TRACE),
      );
    });
  });

  describe("on a sidecar", () => {
    test("dark-launch chooses the version that its application asks", { timeout: 60_000 }, async () => {
      const config = {
        rules: [{ name: "beta", variant: "v2", match: { headers: { "x-beta-user": "true" } } }],
      };
      const workload = async (headers: Record<string, string>): Promise<string> =>
        echo(await bookinfo.fromProductpage({ path: "/reviews/1", headers })).workload;
      await played(
        "dark-launch",
        { on: "sidecar", mode: "CLIENT", config },
        async () => {
          await eventually(async () => expect(await workload({ "x-beta-user": "true" })).toBe("reviews-v2"));
          expect(await workload({})).toBe("reviews-v1");
        },
        async () => expect(await workload({ "x-beta-user": "true" })).toBe("reviews-v1"),
      );
    });

    test("authz knows the gateway by its certificate", { timeout: 60_000 }, async () => {
      const principals = ["cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"];
      const config = {
        policies: [{ name: "gateway", action: "ALLOW", rules: [{ from: [{ source: { principals } }] }] }],
      };
      await played(
        "authz",
        { on: "sidecar", mode: "SERVER", phase: "AUTHZ", failStrategy: "FAIL_RELOAD", config },
        async () => {
          await eventually(async () =>
            expect(await bookinfo.fromNobody()).toMatchObject({ status: 403, body: "RBAC: access denied" }),
          );
          expect(echo(await bookinfo.fromOutside()).workload).toBe("productpage-v1");
        },
        async () => void echo(await bookinfo.fromNobody()),
      );
    });

    test("local-rate-limit refuses what is over the limit", { timeout: 60_000 }, async () => {
      const limit = {
        name: "two",
        match: { path: { prefix: "/limited" } },
        limit: { requests: 2, per: "hour" },
      };
      await played(
        "local-rate-limit",
        { on: "sidecar", mode: "SERVER", config: { limits: [limit] } },
        () => refusedAfterTwo(() => bookinfo.fromOutside({ path: "/limited" })),
        async () => void echo(await bookinfo.fromOutside({ path: "/limited" })),
      );
    });

    test("global-rate-limit asks the service of the mesh", { timeout: 60_000 }, async () => {
      const asked = (): Promise<Answer> => bookinfo.fromOutside({ headers: { "x-tenant": "sidecar" } });
      await played(
        "global-rate-limit",
        { on: "sidecar", mode: "SERVER", config: GLOBAL },
        () => refusedAfterTwo(asked),
        async () => void echo(await asked()),
      );
    });

    test(
      "trace-propagation joins what its application asks to what it was asked",
      { timeout: 60_000 },
      async () => {
        // The application forwards one header.
        bookinfo.productpage.workload.onRequest = ({ headers }, response) => {
          const id = { "x-request-id": String(headers["x-request-id"]) };
          void bookinfo
            .fromProductpage({ path: "/reviews/1", headers: id })
            .then(({ body }) => response.end(body));
          return true;
        };
        const seen = async (): Promise<string> => {
          const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
          const received = echo(await bookinfo.fromOutside({ headers }));
          expect(received.workload).toBe("reviews-v1");
          return TRACEPARENT.exec(String(received.headers.traceparent))?.[1] ?? "none";
        };
        try {
          await played(
            "trace-propagation",
            {
              on: "sidecar",
              mode: "CLIENT_AND_SERVER",
              config: { extract: ["w3c"], inject: ["w3c"], correlate: { by: "x-request-id", ttl: "60s" } },
            },
            () => eventually(async () => expect(await seen()).toBe(TRACE)),
            async () => expect(await seen()).toBe("none"),
          );
        } finally {
          bookinfo.productpage.workload.onRequest = () => false;
        }
      },
    );
  });

  /** Of the answers that the limit is told in, the first two are let through. */
  async function refusedAfterTwo(asked: () => Promise<Answer>): Promise<void> {
    const told: [number, unknown][] = [];
    for (let i = 0; i < 3; i++) {
      // The listener without the filter may take a connection until it has drained.
      const { status, headers } = await eventually(async () => {
        const answer = await asked();
        expect(answer.headers).toHaveProperty("x-ratelimit-remaining");
        return answer;
      });
      told.push([status, headers["x-ratelimit-remaining"]]);
    }
    expect(told).toEqual([
      [200, "1"],
      [200, "0"],
      [429, "0"],
    ]);
  }
});

/** Two requests an hour for each tenant. */
const LIMITS = `
domain: tenants
descriptors:
  - key: tenant
    rate_limit: {unit: hour, requests_per_unit: 2}
`;

const GLOBAL = {
  domain: "tenants",
  service: { cluster: "outbound|8081||ratelimit.istio-system.svc.cluster.local", timeout: "1s" },
  failureMode: "allow",
  limits: [{ name: "by-tenant", descriptor: [{ key: "tenant", from: { header: "x-tenant" } }] }],
};

const RATE_LIMIT_SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: ratelimit, namespace: istio-system}
spec: {ports: [{name: grpc, port: 8081}]}
`;
