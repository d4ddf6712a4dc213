// Compiles src/ to dist/, what a package holds instead of src/: Node strips no types below node_modules. `npm run build`; npm pack runs it.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const top = join(import.meta.dirname, '..');
rmSync(join(top, 'dist'), { recursive: true, force: true });
const compiler = join(top, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', join(top, 'tsconfig.build.json'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
