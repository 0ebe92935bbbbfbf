/** What a proxy has got from istiod, as its admin interface tells it. */
import type { IstioProxy } from "../peers/istio-proxy.ts";
import { at } from "./resources.ts";

/** What istiod has given a waypoint for one Service's port, or for one way past all Services. */
export interface Chain {
  /** Names of HTTP filters, in order; those of plugins shortened to `<namespace>.<name>`. */
  filters: string[];
  /** Envoy's own tracing is on. */
  traced: boolean;
}

/** The chains of HTTP on a waypoint's listeners, or another proxy's, by their names. */
export async function httpChains(proxy: IstioProxy): Promise<Record<string, Chain>> {
  const dump = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_listeners")) as object;
  const chains = at(dump, "configs.active_state.listener.filter_chains") as ListenerChain[];
  return Object.fromEntries(
    chains.flatMap(({ name, filters }) =>
      filters
        .filter(({ typed_config: { http_filters } }) => http_filters !== undefined)
        .map(({ typed_config: { http_filters = [], tracing } }) => [
          name,
          { filters: http_filters.map((filter) => pluginOf(filter.name)), traced: tracing !== undefined },
        ]),
    ),
  );
}

/** What a waypoint does without each plugin: Envoy's failure policy by `<namespace>.<name>`. */
export async function failurePolicies(waypoint: IstioProxy): Promise<Record<string, string>> {
  const dump = JSON.parse(await waypoint.admin("/config_dump?resource=ecds_filters")) as object;
  const plugins = at(dump, "configs.ecds_filter") as EcdsFilter[];
  return Object.fromEntries(
    plugins.map(({ name, typed_config }) => [pluginOf(name), typed_config.config.failure_policy]),
  );
}

/** envoy.config.listener.v3.FilterChain, as far as it is read. */
interface ListenerChain {
  name: string;
  filters: { typed_config: { http_filters?: { name: string }[]; tracing?: object } }[];
}

/** envoy.config.core.v3.TypedExtensionConfig of a plugin, as far as it is read. */
interface EcdsFilter {
  name: string;
  typed_config: { config: { failure_policy: string } };
}

/** istiod has one name for a plugin of either kind, which says of a WasmPlugin that it was translated. */
function pluginOf(filter: string): string {
  const [, plugin = filter] =
    /^extensions\.istio\.io\/trafficextension\/(.+?)(?:~istio-translated-wasmplugin)?$/.exec(filter) ?? [];
  return plugin;
}
