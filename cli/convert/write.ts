/** YAML as it is printed: stable, with comments, and read by YAML 1.1 and 1.2 alike. */
import { Document, isScalar, Scalar, stringify, visit } from "yaml";
import { printable } from "../terminal.ts";

export function writeDocument(manifest: object, comments: readonly string[]): string {
  // Under YAML 1.1, as kubectl reads it, `on` and `y` are booleans: the schema makes the library quote them.
  const document = new Document(manifest, { schema: "yaml-1.1", aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      // Others, like `0o7`, are numbers under YAML 1.2 only.
      if (
        isScalar(node) &&
        typeof node.value === "string" &&
        stringify(node.value, { schema: "core" }).startsWith('"')
      )
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const text = document.toString({ lineWidth: 0 });
  return `${comments.map((line) => `# ${printable(line).replace(/\s+/g, " ")}\n`).join("")}${text}`;
}
