// Kernel configuration text (Documentation/kbuild/kconfig.rst): what /boot/config-VERSION and an embedded configuration hold.

/** Values by symbol, "CONFIG_" cut off: "y", "m", "n" (for "is not set"), numbers as written, strings without their quotes. */
export function parseConfig(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
    if (unset !== null) {
      values.set(unset[1]!, 'n');
      continue;
    }
    const set = /^CONFIG_(\w+)=(.*)$/.exec(line);
    if (set === null) continue;
    const value = set[2]!;
    values.set(set[1]!, /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value);
  }
  return values;
}
