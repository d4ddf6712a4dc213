// Modules from three sources in order. Solaris looks in /platform, /kernel and /usr/kernel; on Linux depmod.d's order decides which file a
// name stands for: what was put in place of the kernel's own (updates), the kernel's own (built-in), and the rest (extra). The archive and the root
// have to agree with kmod on it: real depmod and real modprobe judge.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from './tools.ts';
import { CLONE, debianKernel, linkTree, mustRun, probeRoot } from './world/index.ts';

const KINDLING = join(CLONE, 'bin/kindling');
const folder = mkdtempSync(join(tmpdir(), 'kindling-late-sources-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// each module, the places it is in, and where it comes from; the last three are left for after the switch
const PACKED = { dummy: ['updates', 'kernel', 'extra'], ifb: ['kernel', 'extra'], veth: ['extra'] } as const;
const LATE = { bonding: ['updates/dkms', 'kernel'], macvlan: ['kernel', 'extra'], vxlan: ['extra'] } as const;
const NEEDED = ['udp_tunnel', 'ip6_udp_tunnel', 'tls'];

test('modules load on demand from three sources in order, updates, the kernel itself and the rest: the archive, the root and kmod agree', async (t) => {
  if (!needs(t, 'depmod', 'modprobe', 'busybox')) return;
  const { version, root: kernel } = await debianKernel('amd64');
  const modules = join(kernel, 'usr/lib/modules');
  const root = join(folder, 'root');
  linkTree(await probeRoot('amd64'), root);
  const tree = join(root, 'usr/lib/modules', version);
  rmSync(tree, { recursive: true, force: true });
  const found = (await mustRun('find', [join(modules, version, 'kernel'), '-name', '*.ko'])).split('\n');
  const put = (name: string, place: string): void => {
    const from = found.find((path) => path.endsWith(`/${name}.ko`));
    assert.ok(from !== undefined, name);
    const to = join(tree, place, `${name}.ko`);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  };
  for (const [name, places] of Object.entries({ ...PACKED, ...LATE })) for (const place of places) put(name, place);
  for (const name of NEEDED) put(name, 'kernel');
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order'])
    cpSync(join(modules, version, name), join(tree, name));
  mkdirSync(join(root, 'etc/depmod.d'), { recursive: true });
  writeFileSync(join(root, 'etc/depmod.d/order.conf'), 'search updates built-in extra\n');
  await mustRun('depmod', ['-b', root, '-C', join(root, 'etc/depmod.d'), version]);
  const config = join(folder, 'some.conf');
  writeFileSync(config, `modules = ${Object.keys(PACKED).join(' ')}\n`);
  const archive = join(folder, 'archive.img');
  await mustRun(KINDLING, ['build', '--root', root, '-k', version, '-c', config, '--codec', 'none', '-o', archive]);
  await mustRun(KINDLING, ['extract', archive, '-C', join(folder, 'early')]);
  // what a request for the module loads, by real modprobe
  const loads = async (where: string, name: string): Promise<string | undefined> => {
    const said = await mustRun('modprobe', ['-d', join(folder, where), '-S', version, '--show-depends', name]);
    return new RegExp(`/${version}/(\\S+)/${name}\\.ko`).exec(said)?.[1];
  };
  for (const [name, [first]] of Object.entries(PACKED)) assert.equal(await loads('early', name), first, `${name} before the switch`);
  for (const [name, [first]] of Object.entries({ ...PACKED, ...LATE })) assert.equal(await loads('root', name), first, `${name} after it`);
  for (const name of Object.keys(LATE)) await assert.rejects(loads('early', name), /not found/);
});
