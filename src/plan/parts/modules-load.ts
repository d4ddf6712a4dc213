// modules-load: modules that the root says must be loaded at the start: modules-load.d(5), etc/modules, and the settings.
import { dropIns, linesOf } from '../drop-ins.ts';
import type { ModuleWant, Part } from '../part.ts';
import { findFile } from '../root.ts';

/** The modules-load part. */
export const modulesLoad: Part = {
  name: 'modules-load',
  summary: 'modules named in modules-load.d, etc/modules and the settings, loaded first',
  when: 'default',
  wants({ root, settings }) {
    const modules: ModuleWant[] = [];
    const names: string[] = [];
    const want = (what: string, text: string, need: ModuleWant['need']): void => {
      modules.push({ what, text, need });
      if (!names.includes(what)) names.push(what);
    };
    for (const name of settings.modules) want(name, 'named in the settings', 'must');
    for (const { path, entry } of dropIns(root, 'modules-load.d')) {
      for (const line of linesOf(entry)) want(line.split(/\s+/)[0]!, `named in /${path}`, 'may');
    }
    const list = findFile(root, 'etc/modules');
    for (const line of list === undefined ? [] : linesOf(list)) want(line.split(/\s+/)[0]!, 'named in /etc/modules', 'may');
    return names.length === 0 ? {} : { modules, early: { LOAD: names.join(' ') } };
  },
};
