/** A strict reader of the XML that has elements, attributes and text only; throws an error at anything that is not well-formed. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

export function parseXml(text: string): Element[] {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text))
    throw new Error("a character that XML has not");
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  let at = /^<\?xml version="1\.0" encoding="UTF-8"\?>/.exec(text)?.[0].length ?? 0;
  const tag = /<(\/?)([A-Za-z]+)((?:\s+[A-Za-z]+="[^"<]*")*)\s*(\/?)>/y;
  while (at < text.length) {
    const current = open.at(-1)!;
    if (text[at] !== "<") {
      const end = text.indexOf("<", at);
      current.text += decoded(text.slice(at, end < 0 ? text.length : end));
      at = end < 0 ? text.length : end;
      continue;
    }
    tag.lastIndex = at;
    const match = tag.exec(text);
    if (!match) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 60)}`);
    at = tag.lastIndex;
    const [, closing, name, attributes, empty] = match as unknown as [string, string, string, string, string];
    if (closing) {
      if (current.name !== name || open.length === 1) throw new Error(`</${name}> closes <${current.name}>`);
      open.pop();
      continue;
    }
    const element: Element = { name, attributes: {}, children: [], text: "" };
    for (const [, key, value] of attributes.matchAll(/([A-Za-z]+)="([^"]*)"/g)) {
      if (Object.hasOwn(element.attributes, key!)) throw new Error(`${key} stands twice`);
      element.attributes[key!] = decoded(value!);
    }
    current.children.push(element);
    if (!empty) open.push(element);
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)!.name}> is not closed`);
  return root.children;
}

function decoded(text: string): string {
  const known: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&([^;]*);?/g, (entity, name: string) => {
    const character = known[name];
    if (character === undefined) throw new Error(`unknown entity ${entity}`);
    return character;
  });
}
