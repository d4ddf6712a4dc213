// The alias table: some 20000 patterns against one string. Patterns are kept by what stands before their first wildcard, so a lookup
// asks one map per distinct prefix length and runs the matcher on a handful of patterns.
import { matches, normaliseAlias, wildcardAt } from './names.ts';

/** Names of modules by alias. */
export interface AliasTable {
  /** Modules whose pattern matches, in the order their patterns were added, each once. */
  find(alias: string): string[];
  readonly patternCount: number;
}

interface Row {
  readonly order: number;
  readonly pattern: string;
  readonly module: string;
}

/** Builds a table. Patterns that kmod would drop (unmatched brackets) are passed over. */
export function aliasTable(pairs: Iterable<readonly [pattern: string, module: string]>): AliasTable {
  const plain = new Map<string, Row[]>();
  const byPrefix = new Map<string, Row[]>();
  const lengths = new Set<number>();
  let order = 0;
  for (const [written, module] of pairs) {
    const pattern = normaliseAlias(written);
    if (pattern === undefined) continue;
    const row = { order: order++, pattern, module };
    const wildcard = wildcardAt(pattern);
    if (wildcard < 0) push(plain, pattern, row);
    else {
      lengths.add(wildcard);
      push(byPrefix, pattern.slice(0, wildcard), row);
    }
  }
  const prefixLengths = [...lengths].sort((a, b) => a - b);
  return {
    patternCount: order,
    find(asked) {
      const alias = normaliseAlias(asked);
      if (alias === undefined) return [];
      const rows = [...(plain.get(alias) ?? [])];
      for (const length of prefixLengths) {
        if (length > alias.length) break;
        for (const row of byPrefix.get(alias.slice(0, length)) ?? []) if (matches(row.pattern, alias)) rows.push(row);
      }
      rows.sort((a, b) => a.order - b.order);
      return [...new Set(rows.map((row) => row.module))];
    },
  };
}

function push(map: Map<string, Row[]>, key: string, row: Row): void {
  const rows = map.get(key);
  if (rows === undefined) map.set(key, [row]);
  else rows.push(row);
}
