// Does a bundle fit a root? Kernels, vermagic, architecture, what its modules depend on, the firmware they ask for.
import type { Decoder } from '../../codecs/index.ts';
import type { Finding } from '../../errors.ts';
import { open } from '../../formats/elf/index.ts';
import { moduleTreeOf, type Root, resolve, treeRoot } from '../../plan/index.ts';
import { type KernelModule, type ModuleSet, openModules } from '../../plan/modules/index.ts';
import type { Tree } from '../../tree/index.ts';
import type { ItuManifest } from './manifest.ts';
import { bundleSets, familyOf, stockFamily } from './modules.ts';

/** How a bundle fits a root: the kernels of the root that it has modules for, and what stands in the way. */
export interface Fit {
  readonly kernels: readonly string[];
  readonly findings: readonly Finding[];
}

/** What is fitted to what. Without a root only the bundle itself is looked at. */
export interface FitRequest {
  readonly manifest: ItuManifest;
  readonly tree: Tree;
  readonly root: Root | undefined;
  readonly decoders: readonly Decoder[];
}

function finding(code: string, severity: Finding['severity'], message: string, path?: string): Finding {
  return { code, severity, where: path === undefined ? {} : { path }, message };
}

/** A module of the root to compare with: the first that says what it was built for. */
function sample(set: ModuleSet): { vermagic: string; machine: string } | undefined {
  for (const module of set.modules.slice(0, 8)) {
    const { vermagic } = set.info(module);
    if (vermagic !== undefined) return { vermagic, machine: open(set.elf(module)).machine };
  }
  return undefined;
}

/** Says whether each module of the bundle can be loaded, alone or with what the root holds. */
export function fit({ manifest, tree, root, decoders }: FitRequest): Fit {
  const findings: Finding[] = [];
  const kernels: string[] = [];
  for (const [release, own] of bundleSets(tree, manifest.kernels, decoders)) {
    const at = root === undefined ? undefined : moduleTreeOf(root, release);
    if (root !== undefined && at === undefined) {
      findings.push(
        finding('itu-kernel-missing', 'warning', `${root.label} has no kernel ${release}: the bundle's modules for it are left out`),
      );
      continue;
    }
    kernels.push(release);
    const stock = root === undefined || at === undefined ? undefined : openModules(root, at, decoders);
    const like = stock === undefined ? undefined : sample(stock);
    for (const module of own.modules) findings.push(...moduleFindings(module, { own, stock, like, release, tree, root }));
  }
  if (root !== undefined && manifest.kernels.length > 0 && kernels.length === 0) {
    findings.push(
      finding('itu-kernel-none', 'error', `it is for ${manifest.kernels.join(', ')}, and ${root.label} has none of these kernels`),
    );
  }
  const unloadable = manifest.load.filter(
    (name) => ![...bundleSets(tree, manifest.kernels, decoders).values()].some((set) => set.get(name)),
  );
  for (const name of unloadable) findings.push(finding('itu-load-missing', 'warning', `${name} is to be loaded and is not in the bundle`));
  return { kernels, findings };
}

interface Surroundings {
  readonly own: ModuleSet;
  readonly stock: ModuleSet | undefined;
  readonly like: { vermagic: string; machine: string } | undefined;
  readonly release: string;
  readonly tree: Tree;
  readonly root: Root | undefined;
}

function moduleFindings(module: KernelModule, { own, stock, like, release, tree, root }: Surroundings): Finding[] {
  const { name, path } = module;
  const info = own.info(module);
  const findings: Finding[] = [];
  if (info.vermagic?.split(' ')[0] !== release) {
    findings.push(
      finding('vermagic', 'error', `${name} is for "${info.vermagic ?? 'no kernel'}", expected ${release}: it will not load`, path),
    );
  } else if (like !== undefined && info.vermagic.trim() !== like.vermagic.trim()) {
    findings.push(
      finding(
        'vermagic',
        'error',
        `${name} is for "${info.vermagic.trim()}", the kernel's own modules are for "${like.vermagic.trim()}"`,
        path,
      ),
    );
  }
  const { machine } = open(own.elf(module));
  if (like !== undefined && machine !== like.machine)
    findings.push(
      finding('itu-architecture', 'error', `${name} is for ${machine}, the kernel's own modules are for ${like.machine}`, path),
    );
  const beside = stock === undefined ? undefined : stockFamily(stock, name);
  if (beside !== undefined && beside !== familyOf(module)) {
    const message = `${name} replaces a driver of ${beside}, and is not at updates/${beside}: an archive may be planned without it`;
    findings.push(finding('itu-module-place', 'warning', message, path));
  }
  for (const need of info.depends) {
    if (own.get(need) !== undefined || stock?.get(need) !== undefined || stock?.builtins.has(need) === true) continue;
    findings.push(
      stock === undefined
        ? finding('itu-depends-unchecked', 'note', `${name} depends on ${need}, which the target must have: no --root was given`, path)
        : finding(
            'module-dependency-missing',
            'error',
            `${name} depends on ${need}, which is neither in the bundle nor in the target`,
            path,
          ),
    );
  }
  const held = treeRoot(tree, 'the bundle');
  for (const word of info.firmware) {
    if (/[*?[]/.test(word)) continue;
    const places = [`updates/${release}/`, 'updates/', `${release}/`, ''].flatMap((place) =>
      ['', '.xz', '.zst'].map((suffix) => `lib/firmware/${place}${word}${suffix}`),
    );
    const has = (one: Root, top: string) => places.some((place) => resolve(one, `${top}${place}`).entry?.kind === 'file');
    if (has(held, 'usr/') || (root !== undefined && (has(root, '') || has(root, 'usr/')))) continue;
    const where = root === undefined ? 'the bundle' : 'the bundle or the target';
    findings.push(finding('firmware-missing', 'note', `${name} may ask for the firmware ${word}, which is not in ${where}`, path));
  }
  return findings;
}
