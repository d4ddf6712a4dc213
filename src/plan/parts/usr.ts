// usr: a /usr on a file system of its own must be mounted before the root's init runs. Early userspace reads the root's fstab when the
// root is mounted; the plan sees that the driver is there and says what it found.
import type { Finding } from '../../errors.ts';
import { fstab } from '../fstab.ts';
import type { Part } from '../part.ts';
import { moduleOfType } from './filesystems.ts';

/** The usr part. */
export const usr: Part = {
  name: 'usr',
  summary: "a separate /usr named in the root's fstab",
  when: 'always',
  wants({ root }) {
    const line = fstab(root).find(({ at }) => at === '/usr');
    if (line === undefined) return {};
    const message = `/usr is on ${line.source} (${line.type}) and is mounted before the root is entered`;
    const findings: Finding[] = [{ code: 'separate-usr', severity: 'note', where: { path: 'etc/fstab' }, message }];
    if (!/^[a-z0-9_.]+$/.test(line.type) || ['auto', 'none'].includes(line.type)) return { findings };
    return { modules: [{ what: moduleOfType(line.type), text: 'file system of /usr', need: 'may' }], findings };
  },
};
