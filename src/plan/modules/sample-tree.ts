// A small module tree made of generated modules, as a root: what the tests of this room and of its neighbours plan with.
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { type ModinfoPair, makeModule } from '../../formats/elf/index.ts';
import { type Entry, file, makeTree, symlink, withParents } from '../../tree/index.ts';
import { type Root, treeRoot } from '../root.ts';

/** Kernel release of the sample. */
export const SAMPLE_VERSION = '6.1.0-sample';
/** Where its modules are. */
export const SAMPLE_TREE = `usr/lib/modules/${SAMPLE_VERSION}`;

/** What a sample module says; `depends`, `alias` and so on as in `.modinfo`. Keys that repeat are given as a list. */
export type SampleModule = Readonly<Record<string, string | readonly string[]>>;

/** Makes one module; its name comes from the path. `symbols` are exported, `imports` used, all other keys go to `.modinfo`. */
export function sampleModule(path: string, says: SampleModule): Uint8Array {
  const base = path.slice(path.lastIndexOf('/') + 1);
  const { symbols = [], imports = [], ...rest } = says;
  const pairs = Object.entries(rest).flatMap(([key, values]) => [values].flat().map((value): ModinfoPair => [key, value]));
  return makeModule({
    modinfo: [...pairs, ['name', base.slice(0, base.indexOf('.')).replaceAll('-', '_')], ['vermagic', `${SAMPLE_VERSION} SMP mod_unload `]],
    symbols: [symbols].flat(),
    imports: [imports].flat(),
  });
}

/** What a sample root holds: modules by path under the module tree, and other files (or "-> target" for a link) by path in the root. */
export interface SampleRoot {
  readonly modules: Readonly<Record<string, SampleModule | Uint8Array>>;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Builds a sample root. modules.order lists the modules as they are given, as the kernel's build does. */
export function sampleRoot(sample: SampleRoot): Root {
  const entries: Entry[] = Object.entries(sample.modules).map(([path, says]) =>
    file(`${SAMPLE_TREE}/${path}`, bytesSource(says instanceof Uint8Array ? says : sampleModule(path, says))),
  );
  const order = Object.keys(sample.modules).map((path) => `${path.replace(/\.ko\..*$/, '.ko')}\n`);
  const files: Record<string, string | Uint8Array> = { [`${SAMPLE_TREE}/modules.order`]: order.join(''), ...sample.files };
  for (const [path, content] of Object.entries(files)) {
    if (typeof content === 'string' && content.startsWith('-> ')) entries.push(symlink(path, content.slice(3)));
    else entries.push(file(path, bytesSource(typeof content === 'string' ? utf8(content) : content)));
  }
  return treeRoot(makeTree(withParents(entries)), 'the sample');
}
