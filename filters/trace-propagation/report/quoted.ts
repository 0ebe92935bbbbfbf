/** A JSON string of a byte string (its UTF-8 bytes stay what they are). For texts of the configuration. */
export function quotedText(text: string): string {
  let inside = "";
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Control characters are none of a name.
    if (unit < 0x20) continue;
    if (unit == 0x22 || unit == 0x5c) inside += "\\";
    inside += String.fromCharCode(unit);
  }
  return '"' + inside + '"';
}
