/** Envoy's own ext_authz filter, as istiod configures it for a provider (`pilot/pkg/security/authz/builder/extauthz.go`). */

export interface GrpcProvider {
  service: string;
  failOpen?: boolean;
  statusOnError?: number;
  timeout?: string;
}

export interface HttpProvider extends GrpcProvider {
  pathPrefix?: string;
  includeRequestHeadersInCheck?: readonly string[];
  includeAdditionalHeadersInCheck?: Readonly<Record<string, string>>;
  headersToUpstreamOnAllow?: readonly string[];
  headersToDownstreamOnAllow?: readonly string[];
  headersToDownstreamOnDeny?: readonly string[];
}

export function nativeGrpc(cluster: string, provider: GrpcProvider): object {
  return filter({
    ...failing(provider),
    grpc_service: {
      envoy_grpc: { cluster_name: cluster, authority: provider.service },
      timeout: provider.timeout ?? "2s",
    },
  });
}

export function nativeHttp(cluster: string, provider: HttpProvider): object {
  const allowed = matchers(provider.includeRequestHeadersInCheck);
  const added = Object.entries(provider.includeAdditionalHeadersInCheck ?? {});
  const upstream = matchers(provider.headersToUpstreamOnAllow);
  const denied = matchers(provider.headersToDownstreamOnDeny);
  const success = matchers(provider.headersToDownstreamOnAllow);
  return filter({
    ...failing(provider),
    ...(allowed === null ? {} : { allowed_headers: allowed }),
    http_service: {
      path_prefix: provider.pathPrefix ?? "",
      server_uri: { uri: `http://${provider.service}`, cluster, timeout: provider.timeout ?? "2s" },
      ...(added.length === 0
        ? {}
        : { authorization_request: { headers_to_add: added.map(([key, value]) => ({ key, value })) } }),
      authorization_response: {
        ...(upstream === null ? {} : { allowed_upstream_headers: upstream }),
        ...(denied === null ? {} : { allowed_client_headers: denied }),
        ...(success === null ? {} : { allowed_client_headers_on_success: success }),
      },
    },
  });
}

function filter(config: object): object {
  return {
    name: "envoy.filters.http.ext_authz",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
      transport_api_version: "V3",
      ...config,
    },
  };
}

function failing({ failOpen = false, statusOnError }: GrpcProvider): object {
  return {
    failure_mode_allow: failOpen,
    ...(statusOnError === undefined ? {} : { status_on_error: { code: statusOnError } }),
  };
}

function matchers(headers: readonly string[] | undefined): object | null {
  if (headers === undefined || headers.length === 0) return null;
  return {
    patterns: headers.map((header) => ({
      ignore_case: true,
      ...(header.startsWith("*")
        ? { suffix: header.slice(1) }
        : header.endsWith("*")
          ? { prefix: header.slice(0, -1) }
          : { exact: header }),
    })),
  };
}
