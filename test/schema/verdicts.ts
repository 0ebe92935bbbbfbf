/** What the reader (the built module) and the schema say of a configuration. */
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { ConfigurationRefused } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import { Host, type PluginModule } from "../host/index.ts";
import { Plugin } from "../host/plugin.ts";

/** The files with schemas, by what their `$id`s are relative to. */
export const SCHEMAS = [
  "assembly/schema.json",
  "assembly/limit/schema.json",
  "filters/schema.json",
  "filters/authz/schema.json",
  "filters/dark-launch/schema.json",
  "filters/global-rate-limit/schema.json",
  "filters/local-rate-limit/schema.json",
  "filters/trace-propagation/schema.json",
];

/** A validator that reports every error and takes no keyword that it does not know, nor one where it says nothing. */
export function emptyValidator(): Ajv2020 {
  return new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
}

/** One that knows all schemas of the suite. */
export function validator(): Ajv2020 {
  const ajv = emptyValidator();
  for (const file of SCHEMAS) ajv.addSchema(readSchema(file));
  return ajv;
}

export function readSchema(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
}

/** The schema in one of the files. */
export function compiled(ajv: Ajv2020, file: string): ValidateFunction {
  const validate = ajv.getSchema(`outrigger:/${file}`);
  if (validate === undefined) throw new Error(`no schema ${file}`);
  return validate;
}

/** Says what a module thinks of configurations. */
export class Reader {
  private readonly module: PluginModule;
  private readonly rootId: string;

  constructor(file: string, rootId: string) {
    this.module = loadModule(file);
    this.rootId = rootId;
  }

  /** The problems with a configuration, one an element; none when it is accepted. */
  problems(configuration: unknown): readonly string[] {
    return this.problemsOfText(JSON.stringify(configuration));
  }

  problemsOfText(configuration: string): readonly string[] {
    const { module, rootId } = this;
    const host = new Host();
    try {
      host.canary(new Plugin({ module, name: "plugin", rootId, configuration }));
      return [];
    } catch (error) {
      if (!(error instanceof ConfigurationRefused)) throw error;
      const [message = ""] = error.messages;
      const start = /^configuration refused:[ \n]/.exec(message)?.[0];
      if (start === undefined)
        throw new Error(`refused without a reason: ${error.messages.join("\n")}`, { cause: error });
      return message.slice(start.length).split("\n");
    }
  }
}
