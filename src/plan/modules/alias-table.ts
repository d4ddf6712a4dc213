// The alias table: some 20000 patterns against one string. Patterns are put by the bus in front of their first ":", which costs next to
// nothing; those of a bus that is asked for are then sorted by what stands before their first wildcard, so that a look-up asks one map per
// distinct prefix length and runs the matcher on a handful of patterns.
import { matches, normaliseAlias, wildcardAt } from './names.ts';

/** Names of modules by alias. */
export interface AliasTable {
  /** Modules whose pattern matches, in the order their patterns were added, each once. */
  find(alias: string): string[];
}

interface Row {
  readonly order: number;
  readonly written: string;
  readonly module: string;
}

interface Match {
  readonly order: number;
  readonly module: string;
}

/** Patterns of one bus; sorted when first asked. */
interface Group {
  readonly rows: Row[];
  lookup: ((alias: string) => Match[]) | undefined;
}

/** Builds a table. Patterns that kmod would drop (unmatched brackets) are passed over. */
export function aliasTable(pairs: Iterable<readonly [pattern: string, module: string]>): AliasTable {
  const anywhere: Group = { rows: [], lookup: undefined }; // wildcards before or without a ":"
  const groups = new Map<string, Group>();
  const groupOfBus = new Map<string, Group>(); // by the bus as written
  const groupFor = (bus: string): Group => {
    const key = wildcardAt(bus) < 0 ? normaliseAlias(bus) : undefined;
    const group = (key === undefined ? anywhere : groups.get(key)) ?? { rows: [], lookup: undefined };
    if (key !== undefined) groups.set(key, group);
    groupOfBus.set(bus, group);
    return group;
  };
  let order = 0;
  for (const [written, module] of pairs) {
    const colon = written.indexOf(':');
    const bus = colon < 0 ? '' : written.slice(0, colon);
    const group = colon < 0 && wildcardAt(written) >= 0 ? anywhere : (groupOfBus.get(bus) ?? groupFor(bus));
    group.rows.push({ order: order++, written, module });
  }
  return {
    find(asked) {
      const alias = normaliseAlias(asked);
      if (alias === undefined) return [];
      const colon = alias.indexOf(':');
      const found = [...search(groups.get(colon < 0 ? '' : alias.slice(0, colon)), alias), ...search(anywhere, alias)];
      found.sort((a, b) => a.order - b.order);
      return [...new Set(found.map((row) => row.module))];
    },
  };
}

function search(group: Group | undefined, alias: string): Match[] {
  if (group === undefined) return [];
  group.lookup ??= sortRows(group.rows);
  return group.lookup(alias);
}

function sortRows(rows: readonly Row[]): (alias: string) => Match[] {
  const plain = new Map<string, Match[]>();
  const byPrefix = new Map<string, (Match & { readonly pattern: string })[]>();
  const lengths = new Set<number>();
  for (const { written, order, module } of rows) {
    const pattern = normaliseAlias(written);
    if (pattern === undefined) continue;
    const wildcard = wildcardAt(pattern);
    if (wildcard < 0) push(plain, pattern, { order, module });
    else {
      lengths.add(wildcard);
      push(byPrefix, pattern.slice(0, wildcard), { order, module, pattern });
    }
  }
  const prefixLengths = [...lengths].sort((a, b) => a - b);
  return (alias) => {
    const found = [...(plain.get(alias) ?? [])];
    for (const length of prefixLengths) {
      if (length > alias.length) break;
      for (const row of byPrefix.get(alias.slice(0, length)) ?? []) if (matches(row.pattern, alias)) found.push(row);
    }
    return found;
  };
}

function push<T>(map: Map<string, T[]>, key: string, row: T): void {
  const rows = map.get(key);
  if (rows === undefined) map.set(key, [row]);
  else rows.push(row);
}
