// Module names and alias patterns (modprobe.d(5), depmod(8)): "-" and "_" are the same letter, patterns match as fnmatch(3) does without flags.

const SUFFIX = /\.ko(?:\.(?:gz|xz|zst))?$/;

/** The spelling the kernel uses: "-" as "_". */
export function moduleName(name: string): string {
  return name.includes('-') ? name.replaceAll('-', '_') : name;
}

/** The module name of a file path, or undefined when the name is not that of a module (`.ko`, `.ko.gz`, `.ko.xz`, `.ko.zst`). */
export function nameOfPath(path: string): string | undefined {
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (!SUFFIX.test(base)) return undefined;
  const dot = base.indexOf('.');
  return dot === 0 ? undefined : moduleName(base.slice(0, dot));
}

/** A module path without its compression suffix, as modules.order and modules.builtin spell it. */
export function uncompressedPath(path: string): string {
  return path.replace(SUFFIX, '.ko');
}

/** An alias or alias pattern with "-" as "_" outside brackets; undefined when a bracket has no partner (kmod drops those). */
export function normaliseAlias(alias: string): string | undefined {
  if (!alias.includes('[') && !alias.includes(']')) return moduleName(alias);
  let text = '';
  let at = 0;
  while (at < alias.length) {
    const char = alias[at]!;
    if (char === ']') return undefined;
    if (char === '[') {
      const end = alias.indexOf(']', at);
      if (end < 0) return undefined;
      text += alias.slice(at, end + 1);
      at = end + 1;
      continue;
    }
    text += char === '-' ? '_' : char;
    at++;
  }
  return text;
}

/** Where the first character with a meaning stands in a pattern, or -1 for a plain string. */
export function wildcardAt(pattern: string): number {
  for (let at = 0; at < pattern.length; at++) {
    const code = pattern.charCodeAt(at);
    if (code === 0x2a || code === 0x3f || code === 0x5b || code === 0x5c) return at;
  }
  return -1;
}

/** fnmatch(3) with no flags. Bounded by pattern length times text length: after a mismatch only the last "*" is tried again. */
export function matches(pattern: string, text: string): boolean {
  let patternAt = 0;
  let textAt = 0;
  let starAt = -1;
  let starTextAt = 0;
  while (textAt < text.length) {
    if (pattern[patternAt] === '*') {
      starAt = patternAt++;
      starTextAt = textAt;
      continue;
    }
    const next = patternAt < pattern.length ? matchOne(pattern, patternAt, text.charCodeAt(textAt)) : -1;
    if (next >= 0) {
      patternAt = next;
      textAt++;
    } else if (starAt >= 0) {
      patternAt = starAt + 1;
      textAt = ++starTextAt;
    } else return false;
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}

/** Where the pattern goes on when its element at `at` matches the character, else -1. */
function matchOne(pattern: string, at: number, code: number): number {
  const char = pattern[at]!;
  if (char === '?') return at + 1;
  if (char === '\\' && at + 1 < pattern.length) return pattern.charCodeAt(at + 1) === code ? at + 2 : -1;
  if (char !== '[') return pattern.charCodeAt(at) === code ? at + 1 : -1;
  const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^';
  const first = at + (negated ? 2 : 1);
  const end = pattern.indexOf(']', first + 1); // a "]" right at the start is a member
  if (end < 0) return code === 0x5b ? at + 1 : -1;
  let found = false;
  for (let member = first; member < end; ) {
    const low = pattern.charCodeAt(member);
    if (pattern[member + 1] === '-' && member + 2 < end) {
      if (code >= low && code <= pattern.charCodeAt(member + 2)) found = true;
      member += 3;
    } else {
      if (code === low) found = true;
      member++;
    }
  }
  return found === negated ? -1 : end + 1;
}
