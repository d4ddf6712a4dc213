// why: the chain of reasons for a path, as text, from an archive or from a plan that was printed. `archive.explain` finds the chain.
import type { Chain } from '../archive/index.ts';
import { KindlingError } from '../errors.ts';
import type { Reason } from '../plan/index.ts';

/** One chain as lines, the deeper the reason the further in. */
export function chainText(chain: Chain): string {
  return chain.map((link, depth) => `${'  '.repeat(depth)}${link.path === '' ? '.' : link.path}: ${link.text} [${link.part}]\n`).join('');
}

function bad(message: string): KindlingError {
  return new KindlingError('BAD_VALUE', `not a plan as "kindling plan --json" prints it: ${message}`, { structure: 'plan' });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reasonFrom(value: unknown, path: string): Reason {
  if (!isRecord(value) || typeof value.part !== 'string' || typeof value.text !== 'string') {
    throw bad(`a reason of "${path}" lacks the texts "part" and "text"`);
  }
  const { part, text, because } = value;
  return typeof because === 'string' ? { part, text, because } : { part, text };
}

/** Reasons by path, from the document that `plan --json` prints. Throws BAD_VALUE for any other. */
export function planReasons(document: string): Map<string, Reason[]> {
  let value: unknown;
  try {
    value = JSON.parse(document);
  } catch (cause) {
    throw new KindlingError('BAD_VALUE', 'the plan is no JSON document', { structure: 'plan' }, cause);
  }
  if (!isRecord(value) || !Array.isArray(value.entries)) throw bad('there is no list "entries"');
  const reasons = new Map<string, Reason[]>();
  for (const entry of value.entries as unknown[]) {
    if (!isRecord(entry) || typeof entry.path !== 'string' || !Array.isArray(entry.reasons))
      throw bad('an entry lacks "path" or "reasons"');
    const { path } = entry;
    reasons.set(
      path,
      (entry.reasons as unknown[]).map((reason) => reasonFrom(reason, path)),
    );
  }
  return reasons;
}
