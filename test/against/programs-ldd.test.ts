// The library closure of this machine's own programs against what its ldd prints. ldd runs the loader; kindling only reads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { directoryRoot } from '../../src/node/directory.ts';
import { closeOverPrograms, findProgram, resolve } from '../../src/plan/index.ts';
import { findTool, needs } from '../tools.ts';

const PROGRAMS = [
  'bash',
  'cat',
  'e2fsck',
  'find',
  'gzip',
  'kmod',
  'ls',
  'mount',
  'openssl',
  'perl',
  'python3',
  'ssh',
  'systemctl',
  'udevadm',
  'git',
  'curl',
];

function lddPaths(path: string): string[] {
  const text = execFileSync('ldd', [path], { encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C' } });
  return text.split('\n').flatMap((line) => /(?:=>\s+)?(\/\S+)\s+\(0x/.exec(line)?.[1] ?? []);
}

test('libraries of a dozen programs are those that ldd finds', (t) => {
  if (!needs(t, 'ldd')) return;
  const root = directoryRoot('/');
  const real = (path: string): string => resolve(root, path).path;
  let comparedCount = 0;
  for (const name of PROGRAMS) {
    const path = findProgram(root, name);
    if (path === undefined || findTool(name) === undefined) continue;
    const expected = [...new Set([...lddPaths(`/${path}`), `/${path}`].map(real))].sort();
    const { wanted } = closeOverPrograms(root, [{ path, part: 'test', text: 'compared' }], () => false);
    const found = [
      ...new Set(wanted.filter(({ entry }) => entry.kind === 'file').map(({ entry, reason }) => ({ path: entry.path, reason }))),
    ];
    // What is opened at run time is no business of ldd's.
    const loaded = found.filter(({ reason }) => !reason.text.startsWith('opened at run time')).map((one) => one.path);
    const missing = expected.filter((one) => !loaded.includes(one));
    assert.deepEqual(missing, [], `${path}: ldd has more`);
    const atRunTime = found.filter(({ reason }) => reason.text.startsWith('opened at run time')).map((one) => one.path);
    const more = loaded.filter((one) => !expected.includes(one) && !atRunTime.includes(one));
    const excused = more.filter((one) => atRunTime.length === 0 || !one.includes('.so'));
    assert.deepEqual(excused, [], `${path}: ldd has less`);
    comparedCount += 1;
  }
  assert.ok(comparedCount >= 6, `only ${comparedCount} of the programs are here`);
});
