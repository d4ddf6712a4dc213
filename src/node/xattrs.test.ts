// Extended attributes by way of getfattr: its text form, and files with unusual names.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../../test/tools.ts';
import { run } from '../../test/world/run.ts';
import { nameFromBytes, utf8 } from '../bytes/index.ts';
import { directoryXattrs, parseDump } from './xattrs.ts';

test('the text of getfattr', () => {
  const text = '# file: .\nuser.a=0x\n\n# file: d/nl\\012x\nuser.we\\075ird=0x00ff\nsecurity.capability=0x01\n\n';
  assert.deepEqual(
    [...parseDump(utf8(text))].map(([path, held]) => [path, [...held].map(([name, value]) => [name, [...value]])]),
    [
      ['', [['user.a', []]]],
      [
        'd/nl\nx',
        [
          ['user.we=ird', [0, 255]],
          ['security.capability', [1]],
        ],
      ],
    ],
  );
  for (const bad of ['user.a=0x00\n', '# file: x\nuser.a="text"\n', '# file: x\nuser.a=0x0\n']) {
    assert.throws(() => parseDump(utf8(bad)), { code: 'BAD_VALUE' }, bad);
  }
});

test('files with unusual names on disk', async (t) => {
  if (!needs(t, 'setfattr', 'getfattr')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-xattrs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const names = ['plain', 'with space', 'back\\slash', 'new\nline', 'eq=ual', '# file: x'];
  mkdirSync(join(folder, 'sub'));
  const files = [...names.map((name) => Buffer.from(name)), Buffer.from([0x66, 0xff])].map((name) =>
    Buffer.concat([Buffer.from(`${folder}/sub/`), name]),
  );
  for (const path of files) writeFileSync(path, '');
  symlinkSync('plain', join(folder, 'sub/link'));
  const probe = await run(tool('setfattr'), ['-n', 'user.k', '-v', '0x000aff', 'sub/plain'], { cwd: folder });
  if (probe.code !== 0) {
    t.skip(`no attributes in ${tmpdir()}: ${probe.stderr.trim()}`);
    return;
  }
  for (const name of names) await run(tool('setfattr'), ['-n', 'user.k', '-v', '0x000aff', '--', `sub/${name}`], { cwd: folder });
  await run('sh', ['-c', 'setfattr -n user.k -v 0x000aff -- sub/f*'], { cwd: folder });
  const found = await directoryXattrs(folder);
  const expected = [...names.map((name) => `sub/${name}`), `sub/${nameFromBytes(new Uint8Array([0x66, 0xff]))}`].sort();
  assert.deepEqual([...found.keys()].sort(), expected);
  for (const held of found.values()) assert.deepEqual([...held], [['user.k', new Uint8Array([0, 10, 255])]]);
});
