#!/usr/bin/env node
/**
 * The `outrigger` command: checks configurations, plays scenarios, explains decisions, converts Istio's resources, serves rate limits for
 * development, makes keys, brings modules into registries.
 * `docs/cli.md` is its manual.
 */
import { fileURLToPath } from "node:url";
import { Command, CommanderError, Option } from "commander";
import { convert, type ConvertOptions } from "./convert.ts";
import { type ApiKeyOptions, type BasicUserOptions, makeApiKey, makeBasicUser } from "./credentials.ts";
import { ExitCode, UserError } from "./errors.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import { inspect, type InspectOptions } from "./inspect.ts";
import { push, type PushOptions } from "./push.ts";
import type { RateLimitServiceOptions } from "./ratelimit-service.ts";
import { playScenarios, type TestOptions } from "./test.ts";
import { endWhereOutputEnds, printable, stderr } from "./terminal.ts";
import { validate, type ValidateOptions } from "./validate.ts";

/** Filled in by the build: that of `package.json`. */
declare const OUTRIGGER_VERSION: string;

/** The built modules lie beside the folder of the bundle: `build/cli/outrigger.js`, `build/dark-launch.wasm`. */
const MODULES = fileURLToPath(new URL("..", import.meta.url));

endWhereOutputEnds();
await main();

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    process.exitCode = told(error);
  }
}

/** Tells the user what went wrong, once, and answers the exit code. */
function told(error: unknown): number {
  // Commander has written its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
  if (error instanceof UserError) {
    stderr.line(`${stderr.colors.red("error:")} ${printable(error.message)}`);
    return error.exitCode;
  }
  stderr.line(
    `${stderr.colors.red("internal error, please report it:")} ${(error as Error).stack ?? String(error)}`,
  );
  return ExitCode.Internal;
}

function program(): Command {
  const modules = (): Option =>
    new Option("--modules <folder>", "where the built modules are").default(MODULES, "those of this build");
  const command = new Command("outrigger")
    .description(
      "Checks, tests and explains the configurations of Outrigger's Envoy filters, and publishes them.",
    )
    .version(OUTRIGGER_VERSION, "-V, --version", "tell the version")
    .helpOption("-h, --help", "tell this")
    .helpCommand("help [command]", "tell how to use a command")
    .showHelpAfterError("(--help tells more)")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, stderr.colors.red("error:"))),
    })
    .addHelpText(
      "after",
      `
Examples:
  $ outrigger validate istio/*.yaml
  $ outrigger test my-scenarios/
  $ outrigger explain --config launch.yaml --request "GET /reviews/1" -H 'x-beta-user: true'

Exit codes: 0 all is well; 1 a configuration is invalid, a scenario failed, a registry refused, or the answer cannot be
written; 2 wrong usage, or a file cannot be read.`,
    );

  command
    .command("validate")
    .description(
      "check the plugins in files: WasmPlugin, TrafficExtension, Envoy's configuration, or a pluginConfig by itself",
    )
    .argument("<file...>", "YAML or JSON files; - for standard input")
    .option("--filter <name>", "of which filter a configuration is that stands by itself")
    .option("--json", "answer a JSON array of findings")
    .option("-q, --quiet", "tell the problems only")
    .addOption(modules())
    .addHelpText(
      "after",
      `
The built module of the filter reads each configuration, so that what it says here is what it says in the proxy.
Plugins that are not of Outrigger are named and skipped.

Examples:
  $ outrigger validate launch.yaml
  launch.yaml:14:18: error: rules[0].variant: expected a variant ..., got true [dark-launch]
  $ kubectl get wasmplugins -A -o yaml | outrigger validate -
  $ outrigger validate --filter dark-launch plugin-config.json
  $ outrigger validate --json envoy.yaml | jq -r '.[].message'`,
    )
    .action((files: string[], options: ValidateOptions) => {
      process.exitCode = validate(files, options);
    });

  command
    .command("test")
    .description("play scenarios on the V8 host or a real Envoy")
    .argument("[scenario...]", "files or folders; without any, filters/*/scenarios and scenarios/")
    .option("--envoy", "play them on a real Envoy ($ENVOY_BIN, the PATH, or fetched once)")
    .option("--junit <file>", "also write a JUnit report")
    .option("--json", "answer a JSON object with all results")
    .option("-q, --quiet", "tell failures and the summary only")
    .addOption(modules())
    .addHelpText(
      "after",
      `
A scenario is a filter with a configuration, and requests with what must come of them: docs/scenarios.md.

Examples:
  $ outrigger test my-scenarios/beta-users.yaml
  $ outrigger test --envoy my-scenarios/
  $ outrigger test --junit report.xml my-scenarios/`,
    )
    .action(async (paths: string[], options: TestOptions) => {
      process.exitCode = await playScenarios(paths, options);
    });

  command
    .command("explain")
    .description("tell which rule decides a request, and why each other does not")
    .requiredOption("-c, --config <file>", "any file that validate takes; - for standard input")
    .requiredOption("-r, --request <line>", 'method and path: "GET /x?y=1"')
    .option("-H, --header <line>", "a header of the request; may be given more than once", collect)
    .option("--authority <host>", "the request's host", "example.test")
    .option("--claims <json>", `the claims of a token that the proxy has verified: '{"groups": ["a"]}'`)
    .option("--peer <uri>", "the caller's certificate: spiffe://cluster.local/ns/shop/sa/cart")
    .option("--attribute <path=value>", "what the proxy knows beside headers: connection.mtls=true", collect)
    .option("--now <time>", "the proxy's clock: 2026-12-31T00:00:00Z (default: now)")
    .option("--filter <name>", "of which filter a configuration is that stands by itself")
    .option("--plugin <name>", "the plugin's name, where the file has several")
    .option("--json", "answer a JSON object")
    .addOption(modules())
    .addHelpText(
      "after",
      `
The built module is asked, with the whole configuration and then with parts of it.

Examples:
  $ outrigger explain -c launch.yaml -r "GET /reviews/1" -H 'x-beta-user: true'
  $ outrigger explain -c launch.yaml -r "GET /?team=a" -H 'cookie: tester=alice' --authority reviews.example.com
  $ outrigger explain -c launch.yaml -r "GET /" --claims '{"sub": "alice"}' --now 2027-01-01T00:00:00Z`,
    )
    .action((options: ExplainOptions) => {
      process.exitCode = explain(options);
    });

  command
    .command("convert")
    .description(
      "make plugins of Istio's AuthorizationPolicy, RequestAuthentication, VirtualService and EnvoyFilter",
    )
    .argument("<file...>", "YAML or JSON files with the resources; - for standard input")
    .requiredOption("--url <url>", "where the modules are: oci://registry.example/outrigger/{filter}:v1")
    .option(
      "--sha256 <digest>",
      "the module's digest, or FILTER=DIGEST; may be given more than once",
      collect,
    )
    .addOption(
      new Option("--kind <kind>", "the kind of resource")
        .choices(["WasmPlugin", "TrafficExtension"])
        .default("WasmPlugin"),
    )
    .option("--header <name>", "the routing header of a dark launch", "x-variant")
    .option("--gateway", "policies are for gateways, whatever their labels")
    .option("--strict", "exit with 1 where anything could not be converted")
    .addOption(modules())
    .addHelpText(
      "after",
      `
Plugins go to standard output, what could not be converted to standard error, with file, line and path. What comes out has
been read by the filters' own modules. Give files together that belong together: policies with the mesh's configuration,
an EnvoyFilter's patches with each other, a VirtualService with its Gateway.

Examples:
  $ outrigger convert --url oci://registry.example/outrigger/{filter}:v1 policies.yaml > plugins.yaml
  $ kubectl get envoyfilters,configmaps -A -o yaml | outrigger convert --url oci://.. --strict -`,
    )
    .action((files: string[], options: ConvertOptions) => {
      process.exitCode = convert(files, options);
    });

  command
    .command("ratelimit-service")
    .description("serve rate limits from memory, for development only")
    .requiredOption(
      "-c, --config <path...>",
      "files of envoyproxy/ratelimit's configuration, or folders with them",
    )
    .option("-p, --port <number>", "where to listen; 0 for a free port", "8081")
    .option("--host <address>", "on which address", "127.0.0.1")
    .addHelpText(
      "after",
      `
Answers envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit as envoyproxy/ratelimit does, without Redis: it counts in
its own memory, so each start begins at nothing, and two of them know nothing of each other. For development only.
Changed files are read again; SIGHUP reads them at once.

Examples:
  $ outrigger ratelimit-service --config config.yaml
  $ outrigger ratelimit-service --config limits/ --port 18081`,
    )
    .action(async (options: RateLimitServiceOptions) => {
      // The gRPC library takes longer to begin than the other commands need as a whole.
      const { serveRateLimits } = await import("./ratelimit-service.ts");
      process.exitCode = await serveRateLimits(options);
    });

  command
    .command("api-key")
    .description("make an API key for authz, and the line of its configuration")
    .option("-n, --name <name>", "what rules call it (default: made of its hash)")
    .option("--json", "answer a JSON object")
    .addHelpText(
      "after",
      `
The key has 128 random bits. The configuration gets its SHA-256 only, and nothing keeps the key itself.

Examples:
  $ outrigger api-key --name ci
  $ outrigger api-key --name ci --json | jq -j .key > ci.key`,
    )
    .action((options: ApiKeyOptions) => makeApiKey(options));

  command
    .command("basic-user")
    .description("make a password for HTTP basic authentication by authz, and the line of its configuration")
    .argument("<name>", "the user's name")
    .option("--stdin", "take the password from standard input instead")
    .option("--json", "answer a JSON object")
    .addHelpText(
      "after",
      `
The password that is made has 128 random bits. The configuration gets a salted SHA-256, which is fast: a password that
somebody thought of can be guessed by whoever sees the configuration.

Examples:
  $ outrigger basic-user ann
  $ outrigger basic-user ann --stdin < password.txt`,
    )
    .action((name: string, options: BasicUserOptions) => makeBasicUser(name, options));

  command
    .command("push")
    .description("bring a module into a registry, as an image that Istio takes")
    .argument("<reference>", "oci://HOST/REPOSITORY:TAG")
    .argument("<module>", "a built module: build/authz.wasm")
    .option(
      "-a, --annotation <name=value>",
      "an annotation of the image; may be given more than once",
      collect,
    )
    .option("--sbom <file>", "a CycloneDX SBOM to attach (default: sbom/ beside the module)")
    .option("--no-sbom", "do not attach it")
    .option("--provenance <file>", "an in-toto statement to attach (default: provenance/ beside the module)")
    .option("--no-provenance", "do not attach it")
    .addOption(plainHttp())
    .addOption(noPlainHttp())
    .option("--json", "answer a JSON object")
    .option("-q, --quiet", "answer the digest only")
    .addHelpText(
      "after",
      `
Credentials are those of docker login. The tag is set last: what fails before leaves none that a proxy would pull. What the
registry has already is not sent again. The answer is a WasmPlugin with the image's digest.

Examples:
  $ outrigger push oci://ghcr.io/example/authz:1.0.0 build/authz.wasm
  $ outrigger push oci://127.0.0.1:5000/my-filter:dev my-filter.wasm -a org.opencontainers.image.version=1.2.3
  $ outrigger push --quiet oci://ghcr.io/example/authz:1.0.0 build/authz.wasm`,
    )
    .action((reference: string, file: string, options: PushOptions) => push(reference, file, options));

  command
    .command("inspect")
    .description(
      "tell what a registry holds: filter, version, exports, imports, size, digest, and what refers to it",
    )
    .argument("<what>", "oci://HOST/REPOSITORY:TAG, the same with @sha256:.., or a module's file")
    .addOption(plainHttp())
    .addOption(noPlainHttp())
    .option("--json", "answer a JSON object")
    .addHelpText(
      "after",
      `
Examples:
  $ outrigger inspect oci://ghcr.io/example/authz:1.0.0
  $ outrigger inspect build/authz.wasm
  $ outrigger inspect --json oci://127.0.0.1:5000/authz:dev | jq -r .digest`,
    )
    .action((what: string, options: InspectOptions) => inspect(what, options));
  return command;
}

/** Left out, it depends on the host. */
function plainHttp(): Option {
  return new Option("--plain-http", "ask without TLS").default(
    undefined,
    "for registries on this machine only",
  );
}

function noPlainHttp(): Option {
  return new Option("--no-plain-http", "ask with TLS, also on this machine");
}

function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}
