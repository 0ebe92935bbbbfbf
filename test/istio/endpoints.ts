/** What Kubernetes' controller of EndpointSlices does: the ready pods that a Service selects, as its endpoints; and those made by hand. */
import type { KubeObject } from "../peers/kube-resources.ts";

interface Service extends KubeObject {
  spec: {
    selector?: Record<string, string>;
    ports: {
      name?: string;
      port: number;
      targetPort?: number | string;
      protocol?: string;
      appProtocol?: string;
    }[];
  };
}

export interface Pod extends KubeObject {
  spec: {
    serviceAccountName: string;
    containers: { name: string; ports?: { name?: string; containerPort: number }[] }[];
  };
  /** PodStatus. */
  status: { podIP: string; [field: string]: unknown };
}

/** The slice of a Service; none for one without selector. */
export function endpointSlice(object: KubeObject, pods: readonly Pod[]): KubeObject | undefined {
  const { metadata, spec } = object as Service;
  const { selector } = spec;
  if (selector === undefined) return undefined;
  const chosen = pods.filter(
    (pod) =>
      pod.metadata.namespace === metadata.namespace &&
      Object.entries(selector).every(([name, value]) => pod.metadata.labels?.[name] === value),
  );
  const named = chosen.flatMap((pod) => pod.spec.containers.flatMap(({ ports = [] }) => ports));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace!,
      labels: { "kubernetes.io/service-name": metadata.name },
    },
    addressType: "IPv4",
    ports: spec.ports.map(({ name = "", port, targetPort = port, protocol = "TCP", appProtocol }) => ({
      name,
      protocol,
      port:
        typeof targetPort === "number"
          ? targetPort
          : named.find((one) => one.name === targetPort)?.containerPort,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
    endpoints: chosen.map((pod) => ({
      addresses: [pod.status.podIP],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: "Pod", name: pod.metadata.name, namespace: pod.metadata.namespace! },
    })),
  };
}

/** Beside those of its pods, an endpoint of a Service's port: that port of 127.0.0.1, where a server without a pod listens. */
export function loopbackEndpoint(
  service: { name: string; namespace: string },
  portName: string,
  port: number,
): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service.name}-by-hand`,
      namespace: service.namespace,
      labels: { "kubernetes.io/service-name": service.name },
    },
    addressType: "IPv4",
    ports: [{ name: portName, port, protocol: "TCP" }],
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
  };
}
