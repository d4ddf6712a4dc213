// Claim: a squashed capture archive needs at least 15 MB less crashkernel= than a plain one (the seed's claim for 4K pages). Both are built
// from the same root for the same target, and the least reservation with which a real crash is saved whole is searched for each, in turn.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crashRoot } from '../../test/boots/kdump-world.ts';
import { debianKernel } from '../../test/world/index.ts';
import type { Arena } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

interface Least {
  /** MiB, to 8. */
  readonly measured: number;
  readonly advised: number;
  /** MiB of the archive. */
  readonly size: number;
}

const SAVED_LEAST = 15; // MB
const MIB = 1 << 20;

function least(at: Arena, root: string, layout: 'plain' | 'squash', scope: readonly string[]): Least {
  const words = ['--root', root, '--target', 'LABEL=crash', '--layout', layout, ...scope, '-o', join(at.out, `kdump-${layout}.img`)];
  const ran = spawnSync(KINDLING, ['kdump', '--json', '--quiet', ...words, '--prove', '--min-memory'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error(`kindling kdump ${words.join(' ')}: exit code ${ran.status}\n${ran.stderr}`);
  const document: { minMemory: { measured: number }; reserve: { advised: number }; size: number } = JSON.parse(ran.stdout);
  return { measured: document.minMemory.measured, advised: document.reserve.advised / MIB, size: document.size / MIB };
}

/** Facts of a machine with one virtio disk. */
async function hostScope(at: Arena): Promise<readonly string[]> {
  const facts = join(at.out, 'kdump-facts.json');
  const modaliases = ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4'];
  const lists = { modules: [], loaded: ['virtio_pci', 'virtio_blk', 'ext4'], chain: ['virtio_pci', 'virtio_blk'], mounts: [] };
  writeFileSync(
    facts,
    JSON.stringify({ facts: 1, kernel: (await debianKernel('amd64')).version, modaliases, ...lists, resume: '', commandLine: '' }),
  );
  return ['--scope', 'host', '--facts', facts];
}

/** Searches all reservations; rows for the table. */
export async function kdump(at: Arena): Promise<Row[]> {
  const root = await crashRoot();
  const rows: Row[] = [];
  for (const [name, scope] of [
    ['any machine', []],
    ['one virtio machine', await hostScope(at)],
  ] as const) {
    const plain = least(at, root, 'plain', scope);
    const squash = least(at, root, 'squash', scope);
    const saved = ((plain.measured - squash.measured) * MIB) / 1e6;
    rows.push({
      what: `least crashkernel= of a capture archive for ${name}, squashed`,
      ours: `${squash.measured} MiB (archive ${squash.size.toFixed(1)}, advised ${squash.advised})`,
      peer: 'plain',
      theirs: `${plain.measured} MiB (archive ${plain.size.toFixed(1)}, advised ${plain.advised})`,
      ratio: ratio(plain.measured / squash.measured),
      target: name === 'any machine' ? `${SAVED_LEAST} MB less: ${saved.toFixed(0)} MB` : 'not more',
    });
  }
  return rows;
}
