// Does the kernel fit the archive? Modules of its release and vermagic, indexes that list them, and the options the boot leans on.
import type { Finding } from '../../errors.ts';
import { resolve } from '../../plan/index.ts';
import { finding, type Subject, versionsInside } from './subject.ts';

/** Symbols without which no initramfs starts at all (init/Kconfig, fs/Kconfig, drivers/base/Kconfig). */
const NEEDED: readonly (readonly [string, string])[] = [
  ['BLK_DEV_INITRD', 'the kernel takes no initramfs'],
  ['BINFMT_ELF', 'no program starts'],
  ['PROC_FS', '/proc cannot be mounted'],
  ['SYSFS', '/sys cannot be mounted'],
  ['DEVTMPFS', '/dev cannot be filled'],
  ['TMPFS', '/run cannot be mounted'],
];

const CODEC_SYMBOLS: Readonly<Record<string, string>> = {
  gzip: 'RD_GZIP',
  bzip2: 'RD_BZIP2',
  lzma: 'RD_LZMA',
  xz: 'RD_XZ',
  lzo: 'RD_LZO',
  lz4: 'RD_LZ4',
  zstd: 'RD_ZSTD',
};

/** Options of the kernel's configuration that this archive needs and that are not built in. Unknown configuration: one note. */
export function checkOptions({ archive, inside, kernel }: Subject): Finding[] {
  if (kernel?.config === undefined)
    return [finding('kernel-config-unknown', 'note', 'no configuration of the kernel was found; its options are taken for granted')];
  const { config, version } = kernel;
  const findings: Finding[] = [];
  const need = (symbol: string, consequence: string): void => {
    if (config.get(symbol) === 'y') return;
    const found = config.get(symbol) ?? 'not set';
    findings.push(
      finding(
        'kernel-option',
        'error',
        `kernel ${version} has CONFIG_${symbol} ${found === 'm' ? 'only as a module' : found}, expected y: ${consequence}`,
      ),
    );
  };
  for (const [symbol, consequence] of NEEDED) need(symbol, consequence);
  for (const codec of new Set(archive.members.map((member) => member.codec))) {
    const symbol = CODEC_SYMBOLS[codec];
    if (symbol !== undefined) need(symbol, `it cannot unpack ${codec}`);
  }
  const init = resolve(inside, 'init').entry;
  if (init?.kind === 'file' && init.content.size > 2 && init.content.read(0, 1)[0] === 0x23) need('BINFMT_SCRIPT', '/init is a script');
  return findings;
}

/** Modules: the right release, one vermagic, dependencies inside, and an index that lists every one of them. */
export function checkModules({ inside, kernel, modules }: Subject): Finding[] {
  const versions = versionsInside(inside);
  const findings: Finding[] = [];
  if (kernel !== undefined) {
    for (const version of versions.filter((one) => one !== kernel.version)) {
      const severity = versions.includes(kernel.version) ? 'warning' : 'error';
      findings.push(finding('kernel-version', severity, `the modules are for kernel ${version}, not for ${kernel.version}`));
    }
    if (versions.length === 0) {
      const severity = kernel.moduleTree === undefined ? 'note' : 'warning';
      findings.push(finding('modules-none', severity, `the archive holds no modules for kernel ${kernel.version}`));
    }
  }
  if (modules === undefined) return findings;
  findings.push(...modules.findings);
  const magics = new Map<string, string>();
  for (const module of modules.modules) {
    const info = modules.info(module);
    if (info.vermagic !== undefined) magics.set(info.vermagic, module.path);
    if (info.vermagic !== undefined && info.vermagic.split(' ')[0] !== modules.version) {
      findings.push(
        finding('vermagic', 'error', `is for "${info.vermagic}", the archive is for ${modules.version}: it will not load`, module.path),
      );
    }
    for (const name of info.depends) {
      if (modules.get(name) !== undefined || modules.builtins.has(name)) continue;
      findings.push(
        finding('module-dependency-missing', 'error', `depends on ${name}, which is neither in the archive nor built in`, module.path),
      );
    }
  }
  if (magics.size > 1) {
    findings.push(
      finding(
        'vermagic-mixed',
        'error',
        `modules of ${magics.size} different builds: ${[...magics.keys()].join('; ')}`,
        [...magics.values()][1],
      ),
    );
  }
  if (modules.modules.length > 0) findings.push(...checkIndexes(modules.tree, inside));
  return findings;
}

function checkIndexes(tree: string, inside: Subject['inside']): Finding[] {
  const findings: Finding[] = [];
  for (const name of ['modules.dep', 'modules.alias']) {
    if (inside.entry(`${tree}/${name}`) === undefined)
      findings.push(finding('module-index-missing', 'error', 'modprobe finds nothing without it', `${tree}/${name}`));
  }
  const modprobe = resolve(inside, 'sbin/modprobe');
  const isBusybox = /(^|\/)busybox[^/]*$/.test(modprobe.path);
  if (modprobe.entry !== undefined && !isBusybox && inside.entry(`${tree}/modules.dep.bin`) === undefined) {
    findings.push(finding('module-index-missing', 'error', 'kmod reads only the binary index', `${tree}/modules.dep.bin`));
  }
  return findings;
}
