/** `WWW-Authenticate`: what a registry asks of whoever is not known to it yet. */

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  scheme: string;
  /** Names in lower case. */
  parameters: ReadonlyMap<string, string>;
}

/** The challenges of a header's value, in its order (RFC 9110 §11.6.1); what does not parse ends the list. */
export function parseChallenges(value: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  // Either a scheme (a token that a space or the end follows), or a parameter with a token or a quoted string.
  const item =
    /[\s,]*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w!#$%&'*+.^`|~-]+)(?=\s|,|$))/gy;
  for (let found = item.exec(value); found !== null; found = item.exec(value)) {
    const [, name, quoted, token, scheme] = found;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined) {
      const text = quoted === undefined ? token! : quoted.replace(/\\(.)/g, "$1");
      challenges.at(-1)?.parameters.set(name.toLowerCase(), text);
    }
  }
  return challenges;
}
