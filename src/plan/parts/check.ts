// check: the comparison of the archive with its root at boot (docs/check.md): its script, and the few commands that takes.
import { type Finding, KindlingError } from '../../errors.ts';
import type { Part } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { hasCommand, toolWants } from './tools.ts';

const PART = 'check';
const HOME = 'usr/lib/kindling/early';
const SCRIPTS = [`${HOME}/check.sh`, `${HOME}/check-closer.sh`];
// dd reads the list, stat looks. xargs makes that sooner; the others are for files that are not what they were.
const NEEDED = ['stat', 'dd'];
const USED = ['xargs', 'sha256sum', 'readlink'];

/** Whether a file of early userspace is only for the check at boot: other archives do without. */
export function isCheckFile(path: string): boolean {
  return SCRIPTS.includes(path);
}

/** The check part. It does nothing unless setting `check` asks for it, and nothing in a capture archive, which mounts no root. */
export const check: Part = {
  name: PART,
  summary: 'compares the archive with the root at boot when setting check says so (see docs/check.md)',
  when: 'always',
  wants({ root, settings, early }) {
    const mode = settings.check[0]!;
    if (mode === 'off' || settings.add.includes('kdump')) return {};
    const reason = { part: PART, text: 'compares the archive with the root', because: 'init' };
    const scripts = SCRIPTS.map((path): Wanted => {
      const entry = early.get(path);
      if (entry === undefined) throw new KindlingError('NO_ENTRY', 'early userspace lacks a script that compares', { path });
      return { entry, segment: 'base', reason };
    });
    const commands = [...NEEDED, ...USED].map((name) => ({ name, needed: false }));
    const wants = toolWants(root, { commands, own: new Set(), who: 'the check at boot', isRescue: false });
    const findings = [...(wants.findings ?? [])];
    const without = NEEDED.filter((name) => !hasCommand(root, name));
    if (without.length > 0)
      findings.push(finding('check-impossible', `the root has no ${without.join(' and no ')}: the check at boot cannot look at anything`));
    else if (!hasCommand(root, 'sha256sum')) {
      findings.push(finding('check-by-stat', 'the root has no sha256sum: at boot a file that was only touched counts as changed'));
    }
    const entries = [...(wants.entries ?? []), ...scripts];
    return { ...wants, entries, early: { ...wants.early, CHECK: mode }, findings };
  },
};

function finding(code: string, message: string): Finding {
  return { code, severity: 'warning', where: { path: SCRIPTS[0]! }, message };
}
