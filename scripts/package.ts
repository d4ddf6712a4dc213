// `npm run package`: makes the Debian package in build/. Words: --codec NAME[:LEVEL], --machine x64|arm64, --version TEXT, -o FILE.
import { parseArgs } from 'node:util';
import { ARCHITECTURES, type Machine } from './package/control.ts';
import { type MakeOptions, makePackage } from './package/make.ts';

export { controlTree, type MadePackage, type MakeOptions, makePackage, packageChoice } from './package/make.ts';
export { type PackageChoice, packageTree } from './package/tree.ts';

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      codec: { type: 'string' },
      machine: { type: 'string' },
      version: { type: 'string' },
      out: { type: 'string', short: 'o' },
    },
  });
  const { machine, out, ...rest } = values;
  if (machine !== undefined && !Object.hasOwn(ARCHITECTURES, machine))
    throw new Error(`--machine is "${machine}", expected ${Object.keys(ARCHITECTURES).join(' or ')}`);
  const options: MakeOptions = machine === undefined ? rest : { ...rest, machine: machine as Machine };
  const startedAt = performance.now();
  process.stderr.write(`package: 110 MB with ${options.codec ?? 'xz:6, which takes a minute'}\n`);
  const { path, size } = await makePackage(out, options);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  process.stderr.write(`${path}: ${(size / 1e6).toFixed(1)} MB, ${seconds} s\n`);
}
