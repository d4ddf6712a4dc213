// kindling bundle add and remove: bundles of the running live system (docs/live-changes.md).
import { resolve } from 'node:path';
import { nodeDecoders } from '../node/codecs.ts';
import { liveOutside } from '../node/live-outside.ts';
import { addLiveBundle, type BundleChange, type LiveWish, removeLiveBundle } from '../verbs/live-bundles.ts';
import { printable } from './report.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

function wishOf(parsed: Parsed): LiveWish {
  const [now, next] = [parsed.flag('now'), parsed.flag('next')];
  if (now && next) throw usageError('bundle: --now and --next exclude each other; without either, both are done');
  return { now: !next, next: !now };
}

async function each(parsed: Parsed, world: World, act: (path: string) => Promise<BundleChange>): Promise<number> {
  const [action, ...paths] = parsed.positionals;
  if (paths.length === 0) throw usageError(`bundle ${action}: name bundles`);
  const changes: BundleChange[] = [];
  for (const path of paths) {
    const change = await act(path);
    changes.push(change);
    if (world.json) continue;
    const halves = [
      ['now', change.now],
      ['next boot', change.next],
    ] as const;
    for (const [when, { done, text }] of halves) {
      await world.out.line(`${printable(change.name)}  ${when}: ${done ? 'done' : 'not done'}, ${printable(text)}`);
    }
  }
  if (world.json) await world.document({ bundles: changes });
  return changes.every(({ now, next }) => now.done || next.done) ? 0 : 1;
}

/** Runs `bundle add`. */
export async function bundleAdd(parsed: Parsed, world: World): Promise<number> {
  const wish = wishOf(parsed);
  const outside = liveOutside(nodeDecoders());
  return await each(parsed, world, async (path) => await addLiveBundle(resolve(path), wish, outside));
}

/** Runs `bundle remove`. */
export async function bundleRemove(parsed: Parsed, world: World): Promise<number> {
  const wish = wishOf(parsed);
  const outside = liveOutside(nodeDecoders());
  return await each(parsed, world, async (name) => await removeLiveBundle(name, wish, outside));
}
