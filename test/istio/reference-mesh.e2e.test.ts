/** The reference mesh of `istio/mesh`, applied to the real istiod and observed on real Envoys: what each subject promises. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { IstioProxy } from "../peers/istio-proxy.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { echo } from "./bookinfo.ts";
import { ask, eventually, many, type Answer, type Ask } from "./client.ts";
import { logged } from "./installed.ts";
import { pushModules, rateLimitEndpoints } from "./modules.ts";
import { Observations } from "./observations.ts";
import { HOST, manifests, ReferenceMesh } from "./reference-mesh.ts";
import type { Workload } from "./workload.ts";

describe("the reference mesh", () => {
  let reference: ReferenceMesh;
  const observed = new Observations();

  // The first time on a machine Istio is built.
  beforeAll(async () => {
    reference = await ReferenceMesh.start();
  }, 900_000);
  afterEach(() => reference.restore());

  afterAll(async () => {
    observed.tell();
    await reference?.mesh.stop();
  });

  /** Applies manifests of `istio/mesh` for as long as the test plays. */
  function apply(subject: string, ...files: string[]): void {
    onTestFailed(() => console.log(reference.mesh.log()));
    reference.apply(...manifests(subject, ...files));
  }

  test("canary: a tenth of the requests goes to v2", { timeout: 60_000 }, async () => {
    apply("canary");
    await eventually(async () =>
      expect((await routes(reference.productpage.proxy)).join()).toContain("canary"),
    );
    const answers = await many(600, () => reference.fromProductpage("reviews", { path: "/reviews/1" }));
    const v2 = answers.filter((answer) => echo(answer).workload.startsWith("reviews-v2")).length;
    observed.note("canary", `${v2} of ${answers.length} requests at v2, weights 90/10`);
    // Four standard deviations of 600 trials at 10 %.
    expect(v2).toBeGreaterThan(60 - 30);
    expect(v2).toBeLessThan(60 + 30);
  });

  test("dark-launch: a header leads to v2, everybody else to v1", { timeout: 60_000 }, async () => {
    apply("dark-launch");
    await eventually(async () =>
      expect((await routes(reference.productpage.proxy)).join()).toContain("beta-users"),
    );
    const versions = async (headers: Record<string, string>): Promise<string> => {
      const answers = await many(20, () =>
        reference.fromProductpage("reviews", { path: "/reviews/1", headers }),
      );
      return [
        ...new Set(answers.map((answer) => echo(answer).workload.slice(0, "reviews-v1".length))),
      ].join();
    };
    const seen = [
      await versions({ "x-beta-user": "true" }),
      await versions({ "x-variant": "v2" }),
      await versions({}),
    ];
    observed.note(
      "dark-launch",
      `x-beta-user: ${seen[0]}; x-variant v2: ${seen[1]}; without: ${seen[2]} (20 requests each)`,
    );
    expect(seen).toEqual(["reviews-v2", "reviews-v2", "reviews-v1"]);
  });

  describe("retries-timeouts", () => {
    afterEach(() => {
      reference.details.onRequest = () => false;
    });
    const prepare = async (): Promise<void> => {
      apply("retries-timeouts");
      await eventually(async () =>
        expect((await routes(reference.productpage.proxy)).join()).toContain("writes"),
      );
      reference.details.received.length = 0;
    };

    test("reads are tried three times, writes once", { timeout: 60_000 }, async () => {
      await prepare();
      reference.details.onRequest = (_, response) => {
        if (reference.details.received.length % 3 === 0) return false;
        response.writeHead(503).end("not now");
        return true;
      };
      const read = await reference.fromProductpage("details", { path: "/details/0" });
      const reads = reference.details.received.length;
      const write = await reference.fromProductpage("details", { path: "/details/0", method: "POST" });
      const writes = reference.details.received.length - reads;
      observed.note(
        "retries",
        `GET over two 503: ${read.status} after ${reads} tries; POST: ${write.status} after ${writes}`,
      );
      expect([read.status, reads, write.status, writes]).toEqual([200, 3, 503, 1]);
    });

    test("a service that hangs is given up after five seconds", { timeout: 60_000 }, async () => {
      await prepare();
      reference.details.onRequest = () => true;
      const read = await reference.fromProductpage("details", { path: "/details/0" });
      const reads = reference.details.received.length;
      const write = await reference.fromProductpage("details", { path: "/details/0", method: "POST" });
      const writes = reference.details.received.length - reads;
      observed.note(
        "timeouts",
        `GET: ${read.status} after ${seconds(read)} and ${reads} tries; POST: ${write.status} after ${seconds(write)} and ${writes}`,
      );
      expect([read.status, reads, write.status, writes]).toEqual([504, 3, 504, 1]);
      expect(read.took).toBeGreaterThan(4400);
      expect(read.took).toBeLessThan(6000);
      expect(write.took).toBeGreaterThan(4900);
      expect(write.took).toBeLessThan(6000);
    });
  });

  /** Applies it, and waits until productpage's proxy has it. */
  async function applyCircuitBreaking(): Promise<void> {
    apply("circuit-breaking");
    await eventually(async () =>
      expect(
        await reference.productpage.proxy.admin("/config_dump?resource=dynamic_active_clusters"),
      ).toContain("consecutive_gateway_failure"),
    );
  }

  test(
    "circuit-breaking: what is over the connections and those that may wait is refused at once",
    { timeout: 60_000 },
    async () => {
      await applyCircuitBreaking();
      const pods: Workload[] = [...reference.reviewsV1, reference.reviewsV2.workload];
      /** Under way, and not answered before {@link release}. */
      const held: ServerResponse[] = [];
      const hold = (_: unknown, response: ServerResponse): boolean => held.push(response) > 0;
      const release = (): void => {
        for (const pod of pods) pod.onRequest = () => false;
        for (const response of held) response.end("late");
      };
      for (const pod of pods) pod.onRequest = hold;
      const reviews = (): Promise<Answer> => reference.fromProductpage("reviews", { path: "/reviews/1" });
      try {
        const first: Promise<Answer>[] = [];
        // Each waits for its connection for a moment: so few at a time that these are not those which may wait.
        while (first.length < 100) {
          first.push(...Array.from({ length: 20 }, reviews));
          await eventually(() => expect(held.length).toBe(first.length));
        }
        const refused: Answer[] = [];
        const rest = Array.from({ length: 130 }, async () => {
          const answer = await reviews();
          if (answer.status === 503) refused.push(answer);
          return answer;
        });
        await eventually(() => expect(refused.length).toBeGreaterThanOrEqual(30));
        const underWay = held.length;
        release();
        const answers = await Promise.all([...first, ...rest]);
        const answered = answers.filter(({ status }) => status === 200).length;
        await eventually(() => {
          const lines = logged(reference.productpage.proxy);
          expect(lines.filter(({ response_flags }) => response_flags === "UO")).toHaveLength(refused.length);
        });
        observed.note(
          "connection pool",
          `of ${answers.length} at once ${underWay} are under way, ${answered - underWay} wait, ${refused.length} are 503 (UO) within ${seconds(refused.at(-1)!)}`,
        );
        expect([underWay, answered, refused.length]).toEqual([100, 200, 30]);
        for (const { headers, body } of refused) {
          expect(headers).toMatchObject({ "x-envoy-overloaded": "true" });
          expect(body).toContain("overflow");
        }
        // None of them counts for a pod.
        expect(await reference.productpage.proxy.admin("/clusters")).not.toContain("failed_outlier_check");
      } finally {
        release();
      }
    },
  );

  test("circuit-breaking: a pod that fails is left out", { timeout: 60_000 }, async () => {
    await applyCircuitBreaking();
    const cluster = "outbound|9080||reviews.my-app.svc.cluster.local";
    const broken = reference.reviewsV1[1];
    broken.received.length = 0;
    broken.onRequest = (_, response) => {
      response.writeHead(503).end("broken");
      return true;
    };
    try {
      const ejected = async (): Promise<void> =>
        expect(await reference.productpage.proxy.admin("/clusters")).toMatch(
          new RegExp(
            `^${cluster.replaceAll("|", "\\|")}::${broken.address}:9080::health_flags::/failed_outlier_check$`,
            "m",
          ),
        );
      await eventually(async () => {
        await reference.fromProductpage("reviews", { path: "/reviews/1" });
        await ejected();
      });
      const before = broken.received.length;
      const answers = await many(100, () => reference.fromProductpage("reviews", { path: "/reviews/1" }));
      observed.note(
        "outlier ejection",
        `out after ${before} errors; of 100 requests then ${broken.received.length - before} arrive, and ${answers.filter(({ status }) => status === 200).length} are 200`,
      );
      expect(before).toBeGreaterThanOrEqual(3);
      expect(broken.received.length).toBe(before);
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    } finally {
      broken.onRequest = () => false;
    }
  });

  test("fault-injection: reviews v2 alone sees delays and aborts", { timeout: 120_000 }, async () => {
    apply("fault-injection");
    await eventually(async () =>
      expect((await routes(reference.reviewsV2.proxy)).join()).toContain("experiment"),
    );
    const answers = await many(400, () => reference.fromReviews("ratings", { path: "/ratings/0" }));
    const aborted = answers.filter(
      ({ status, body }) => status === 503 && body === "fault filter abort",
    ).length;
    const delayed = answers.filter(({ took }) => took >= 3000).length;
    const others = await many(100, () => reference.fromProductpage("ratings", { path: "/ratings/0" }));
    const touched = others.filter(({ status, took }) => status !== 200 || took >= 3000).length;
    observed.note(
      "fault-injection",
      `reviews v2: ${delayed} of 400 delayed by 3 s (20 %), ${aborted} aborted (10 %); productpage: ${touched} of 100`,
    );
    // Four standard deviations of 400 trials at 20 % and 10 %.
    expect(Math.abs(delayed - 80)).toBeLessThan(32);
    expect(Math.abs(aborted - 40)).toBeLessThan(24);
    expect(touched).toBe(0);
  });

  test("gateway: TLS for the host, and a redirect from plain HTTP", { timeout: 60_000 }, async () => {
    apply("gateway", "gateway.yaml", "virtual-service.yaml");
    const { certificate: authority } = reference.mesh.authority;
    const plain = (): Promise<Answer> =>
      ask({ address: reference.gateway.address, port: 8080, host: HOST, path: "/productpage" });
    const page = await eventually(async () => echo(await reference.fromOutside({ path: "/productpage" })));
    const redirect = await eventually(plain);
    const elsewhere = await reference.fromOutside({ path: "/admin" });
    const health = await reference.fromOutside({ path: "/healthz" });
    const preflight = (origin: string): Promise<Answer> =>
      reference.fromOutside({
        method: "OPTIONS",
        path: "/api/v1/products/0",
        headers: { origin, "access-control-request-method": "GET" },
      });
    const shop = await preflight("https://shop.example.com");
    const stranger = await preflight("https://stranger.example");
    const old = await handshake(reference.gateway.address, "TLSv1.1", authority);
    observed.note(
      "gateway",
      `https: ${page.workload}; http: ${redirect.status} to ${redirect.headers.location}; /admin: ${elsewhere.status}; TLS 1.1: ${old}`,
    );
    expect(page.workload).toMatch(/^productpage-v1/);
    expect(redirect).toMatchObject({ status: 301, headers: { location: `https://${HOST}/productpage` } });
    expect(elsewhere.status).toBe(404);
    expect(health).toMatchObject({ status: 200, body: "" });
    expect(shop).toMatchObject({
      status: 200,
      body: "",
      headers: { "access-control-allow-origin": "https://shop.example.com" },
    });
    expect(stranger).toMatchObject({ status: 200, body: "" });
    expect(stranger.headers).not.toHaveProperty("access-control-allow-origin");
    expect(await handshake(reference.gateway.address, "TLSv1.2", authority)).toBe("TLSv1.2");
    expect(old).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  });

  describe("mtls", () => {
    /** Why somebody without a sidecar gets no answer of one. */
    const refused = (): Promise<string> =>
      eventually(() =>
        reference.fromNobody().then(
          ({ status }) => expect.unreachable(`answered ${status}`),
          (error: Error) => error.message,
        ),
      );

    test.each([
      ["namespace", "namespace.yaml"],
      ["mesh", "mesh.yaml"],
    ])("for the %s: without a certificate there is no way in", { timeout: 60_000 }, async (where, file) => {
      await eventually(async () => echo(await reference.fromNobody()));
      apply("mtls", file);
      apply("dark-launch");
      const refusal = await refused();
      const headers = { "x-beta-user": "true" };
      const inside = await eventually(async () => {
        const { workload } = echo(
          await reference.fromProductpage("reviews", { path: "/reviews/1", headers }),
        );
        expect(workload).toMatch(/^reviews-v2/);
        return workload;
      });
      const bare = echo(await reference.fromProductpage("details", { path: "/details/0" })).workload;
      observed.note(
        `mtls, ${where}`,
        `plain HTTP: ${refusal}; productpage's sidecar: ${inside}, and without a sidecar: ${bare}`,
      );
      expect(refusal).toMatch(/ECONNRESET|socket hang up/);
    });

    test("where the two sides disagree the caller's access log says so", { timeout: 60_000 }, async () => {
      apply("mtls", "namespace.yaml");
      apply("dark-launch");
      /** With the mode of TLS that callers of a service are told to have. */
      const told = (service: string, mode: string): void => {
        const found = manifests("workloads", "destination-rules.yaml").find(
          ({ metadata }) => metadata.name === service,
        )!;
        reference.apply({ ...found, spec: { ...(found.spec as object), trafficPolicy: { tls: { mode } } } });
      };
      told("reviews", "DISABLE");
      told("details", "ISTIO_MUTUAL");
      const failure = (service: string): Promise<Record<string, unknown>> =>
        eventually(async () => {
          const path = `/${service}/${performance.now()}`;
          const headers = { "x-beta-user": "true" };
          expect((await reference.fromProductpage(service, { path, headers })).status).toBe(503);
          return eventually(() => {
            const line = logged(reference.productpage.proxy).find((one) => one.path === path);
            expect(line).toBeDefined();
            return line!;
          });
        });
      const [plain, encrypted] = [await failure("reviews"), await failure("details")];
      observed.note(
        "mtls",
        `plain HTTP where mTLS is asked for: 503 ${String(plain.response_flags)}; mTLS where there is none: 503 ${String(encrypted.response_flags)}`,
      );
      expect(plain.response_flags).toBe("UC");
      expect(plain).not.toHaveProperty("upstream_transport_failure_reason");
      // Which is tried again, since nothing was begun.
      expect(encrypted).toMatchObject({ response_flags: "URX,UF", upstream_attempts: 3 });
      expect(encrypted.upstream_transport_failure_reason).toContain("WRONG_VERSION_NUMBER");
    });

    test("for the mesh: a namespace with a mode of its own keeps it", { timeout: 60_000 }, async () => {
      apply("mtls", "mesh.yaml");
      await refused();
      const [own] = manifests("mtls", "namespace.yaml");
      reference.apply({ ...own!, spec: { mtls: { mode: "PERMISSIVE" } } });
      await eventually(async () => echo(await reference.fromNobody()));
    });
  });

  test(
    "authorization: each is asked by whom its policy names, and nobody else",
    { timeout: 60_000 },
    async () => {
      apply("gateway", "gateway.yaml", "virtual-service.yaml");
      apply("dark-launch");
      apply("authorization");
      const headers = { "x-beta-user": "true" };
      const reviews = (what: Partial<Ask>): Promise<Answer> =>
        reference.fromProductpage("reviews", { path: "/reviews/1", headers, ...what });
      const denied = { status: 403, body: "RBAC: access denied" };
      await eventually(async () => expect(await reference.fromNobody()).toMatchObject(denied));
      await eventually(async () => echo(await reference.fromOutside()));
      const fromReviews = await reference.fromReviews("productpage", { path: "/productpage" });
      const seen = {
        "gateway to productpage": (await reference.fromOutside()).status,
        "productpage to reviews": (await reviews({})).status,
        "the same with POST": (await reviews({ method: "POST" })).status,
        "with another path": (await reviews({ path: "/admin" })).status,
        "reviews to productpage": fromReviews.status,
        "nobody to reviews": (await reference.fromNobody()).status,
      };
      observed.note(
        "authorization",
        Object.entries(seen)
          .map(([who, status]) => `${who}: ${status}`)
          .join("; "),
      );
      expect(Object.values(seen)).toEqual([200, 200, 403, 403, 403, 403]);
      expect(fromReviews.body).toBe(denied.body);
    },
  );

  describe("rate-limit", () => {
    let redis: Redis;
    let service: RateLimit;

    beforeAll(async () => {
      const [config] = manifests("rate-limit", "service.yaml") as [
        KubeObject & { data: Record<string, string> },
      ];
      redis = await Redis.start();
      service = await RateLimit.start({ redis, configurations: Object.values(config.data) });
      await pushModules(reference.mesh.registry, ["global-rate-limit"]);
    }, 900_000);
    afterAll(async () => {
      await service?.stop();
      await redis?.stop();
    });

    test.each([
      ["EnvoyFilter", "envoy-filter.yaml"],
      ["WasmPlugin", "wasm-plugin.yaml"],
    ])("by %s: 20 a minute without a key, 100 with one", { timeout: 90_000 }, async (way, file) => {
      apply("gateway", "gateway.yaml", "virtual-service.yaml");
      apply("rate-limit", "service.yaml");
      reference.mesh.apply(rateLimitEndpoints(service.port));
      await eventually(async () => {
        const answer = await reference.fromOutside();
        echo(answer);
        expect(answer.headers).not.toHaveProperty("x-ratelimit-remaining");
      });
      // Before the filter remembers what it was refused.
      await redis.flush();
      // A call that takes longer than the manifests' 20 ms lets its request pass, which a busy machine is not to decide here.
      const text = JSON.stringify(manifests("rate-limit", file));
      expect(text).toContain('"timeout":"20ms"');
      const patient = text.replaceAll('"timeout":"20ms"', '"timeout":"2s"');
      reference.apply(...(JSON.parse(atRegistry(patient)) as KubeObject[]));
      /** How many are let through, of as many as it takes; all within one minute of the service's clock. */
      const counted = async (headers: Record<string, string>): Promise<number> => {
        const left = 60_000 - (Date.now() % 60_000);
        if (left < 15_000) await sleep(left + 100);
        await redis.flush();
        for (let passed = 0; passed <= 200; passed++) {
          const { status } = await reference.fromOutside({ headers });
          if (status === 429) return passed;
          expect(status).toBe(200);
        }
        return Infinity;
      };
      await eventually(async () =>
        expect((await reference.fromOutside()).headers).toHaveProperty("x-ratelimit-remaining"),
      );
      // Of a key of its own each, since the filter remembers what it was refused.
      const withKey = await counted({ "x-api-key": `${way}-key` });
      const anonymous = await counted({});
      observed.note("rate-limit", `by ${way}: ${anonymous} without a key, ${withKey} with one`);
      expect(anonymous).toBe(20);
      // A lease that crosses the limit is refused as a whole: of the last twentieth some may be lost (docs/leases.md), and none is added.
      expect(withKey).toBeLessThanOrEqual(100);
      expect(withKey).toBeGreaterThanOrEqual(way === "WasmPlugin" ? 95 : 100);
    });
  });

  /** With modules of the test's registry. */
  function atRegistry(text: string): string {
    return text.replaceAll("registry.example", reference.mesh.registry.host);
  }
});

/** The names of all routes that a proxy has been given. */
async function routes(proxy: IstioProxy): Promise<string[]> {
  const dump = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_route_configs")) as {
    configs?: { route_config: { virtual_hosts?: { routes?: { name?: string }[] }[] } }[];
  };
  return (dump.configs ?? []).flatMap(({ route_config }) =>
    (route_config.virtual_hosts ?? []).flatMap(({ routes = [] }) => routes.map(({ name = "" }) => name)),
  );
}

function seconds({ took }: Answer): string {
  return `${(took / 1000).toFixed(1)} s`;
}

/** The version of TLS that was agreed on with the gateway, or why none was. */
function handshake(address: string, version: "TLSv1.1" | "TLSv1.2", ca: string): Promise<string> {
  return new Promise<string>((resolve) => {
    const options = {
      host: address,
      port: 8443,
      servername: HOST,
      ca,
      minVersion: version,
      maxVersion: version,
    };
    const socket = connect({ ...options, ciphers: "DEFAULT:@SECLEVEL=0" });
    socket.on("secureConnect", () => {
      resolve(String(socket.getProtocol()));
      socket.destroy();
    });
    socket.on("error", ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
  });
}
