// Our archives against the tools a person has: every member is a frame that its codec's program unpacks, and GNU cpio lists and unpacks it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { decode } from '../../src/archive/index.ts';
import { bytesOf, planOf, treeOf } from '../../src/archive/plans.fixture.ts';
import { bytesSource, nameToBytes } from '../../src/bytes/index.ts';
import { pureDecoders } from '../../src/codecs/index.ts';
import { nodeEncoders } from '../../src/node/codecs.ts';
import { file, makeTree } from '../../src/tree/index.ts';
import { needs, tool } from '../tools.ts';

const PROGRAMS: Readonly<Record<string, string>> = { gzip: 'gzip', xz: 'xz', lz4: 'lz4', zstd: 'zstd' };

function piped(program: string, args: readonly string[], input: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync(tool(program), args, { input, maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } });
  assert.equal(status, 0, `${program}: ${stderr}`);
  return stdout;
}

const small = treeOf(
  'file 0755 0 0 0 bin/a data=1',
  'hardlink 0755 0 0 0 bin/b to=bin/a',
  'file 0644 0 0 0 odd\\xffname data=',
  'symlink 0777 0 0 0 l target=bin',
);
const noise = new Uint8Array(900_000).map((_, at) => (at * at) >> 7);
const big = Array.from({ length: 12 }, (_, index) => file(`usr/lib/modules/m${index}`, bytesSource(noise)));
const microcode = treeOf('file 0644 0 0 0 kernel/x86/microcode/AuthenticAMD.bin data=early');
const tree = makeTree([...small.entries, ...treeOf('directory 0755 0 0 0 usr/lib/modules').entries, ...big]);

for (const [name, encoder] of nodeEncoders()) {
  const program = PROGRAMS[name];
  if (program === undefined) continue;
  test(`${name}: ${program} and GNU cpio read every member, and together they list what we list`, async (t) => {
    if (!needs(t, program, 'cpio')) return;
    const bytes = await bytesOf(planOf(tree, microcode), { codec: { encoder, level: encoder.levels.least } });
    const archive = decode(bytesSource(bytes), { decoders: pureDecoders });
    assert.ok(archive.members.length > 5);
    const names = new Set<string>();
    for (const { at, size, codec } of archive.members) {
      const packed = bytes.subarray(at, at + size);
      const plain = codec === 'none' ? packed : piped(program, ['-dc'], packed);
      for (const line of piped('cpio', ['-t', '--quiet'], plain).toString('latin1').trimEnd().split('\n')) names.add(line);
    }
    const ours = archive.tree.entries.map(({ path }) => Buffer.from(nameToBytes(path)).toString('latin1'));
    assert.deepEqual([...names].sort(), ours.sort());
  });
}

test('zstd unpacks the whole archive behind the microcode at once', async (t) => {
  if (!needs(t, 'zstd')) return;
  const encoder = nodeEncoders().get('zstd')!;
  const bytes = await bytesOf(planOf(tree), { codec: { encoder, level: 1 } });
  const { members } = decode(bytesSource(bytes), { decoders: pureDecoders });
  assert.equal(
    piped('zstd', ['-dc'], bytes).length,
    members.reduce((sum, member) => sum + member.unpackedSize, 0),
  );
});
