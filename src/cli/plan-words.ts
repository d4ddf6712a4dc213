// The options that every planning verb has, and the outside world they plan in.

import { KindlingError } from '../errors.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { earlyTree } from '../node/early-tree.ts';
import { hostFacts } from '../node/host-facts.ts';
import { openRoot } from '../node/open-root.ts';
import { fileSource } from '../node/source.ts';
import type { PlanOutside, PlanWords } from '../verbs/plan.ts';
import { KERNEL_OPTION, ROOT_OPTION } from './options.ts';
import type { OptionTable, Parsed } from './verb.ts';

/** Options of planning verbs. */
export const PLAN_OPTIONS: OptionTable = {
  root: { ...ROOT_OPTION, multiple: true, summary: 'the root: a directory, an image kindling can read, or packages (repeat it)' },
  kernel: KERNEL_OPTION,
  scope: { value: 'SCOPE', choices: ['generic', 'host'], default: 'generic', summary: 'any machine this kernel supports, or one machine' },
  facts: { value: 'FILE', summary: 'facts about the machine, for scope host, instead of those of this one', completes: 'file' },
  add: { value: 'PART', multiple: true, summary: 'add a part' },
  omit: { value: 'PART', multiple: true, summary: 'leave a part out' },
  config: { short: 'c', value: 'FILE', summary: "a configuration file that comes after the root's own", completes: 'file' },
};

/** What was said. */
export function planWords(parsed: Parsed): PlanWords {
  return {
    kernel: parsed.value('kernel'),
    scope: parsed.value('scope'),
    facts: parsed.value('facts'),
    add: parsed.values('add'),
    omit: parsed.values('omit'),
    config: parsed.value('config'),
  };
}

/** Opens a file; undefined when there is none. */
export function existing(path: string): ReturnType<typeof fileSource> | undefined {
  try {
    return fileSource(path);
  } catch (error) {
    if (error instanceof KindlingError && error.code === 'NO_ENTRY') return undefined;
    throw error;
  }
}

/** The outside world, with the root opened. */
export async function planOutside(parsed: Parsed): Promise<PlanOutside> {
  const decoders = nodeDecoders();
  const roots = parsed.values('root');
  const root = await openRoot(roots.length === 0 ? ['/'] : roots, decoders);
  return { root, decoders, file: existing, hostFacts, earlyTree };
}

/** Chunks as they come, until a signal ends it: throws INTERRUPTED. */
export async function* interruptible(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the archive was being written');
    yield chunk;
  }
}
