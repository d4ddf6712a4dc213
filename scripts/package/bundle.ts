// The bundle: the whole program as one module, every verb in it but nothing of a verb run before it is asked for.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { HOME } from '../../src/node/home.ts';

/**
 * Modules of Node are taken where they are used. As plain imports they would all be loaded at every start, which costs 15 ms of 55; this
 * gives the bundler something that it can put off like our own modules.
 */
const builtinsWhenUsed: Plugin = {
  name: 'builtins-when-used',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

function text(outputs: readonly { readonly contents: Uint8Array }[]): Uint8Array {
  const [only, ...more] = outputs;
  if (only === undefined || more.length > 0) throw new Error(`the bundler made ${outputs.length} files, expected one`);
  return only.contents;
}

/** The program as one ES module. Equal sources give equal bytes, wherever the clone is. Not minified: it is small enough, and its stack traces can be read. */
export async function programBundle(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    absWorkingDir: HOME,
    entryPoints: ['scripts/package/entry.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    charset: 'utf8',
    external: ['lzma-native'],
    define: { 'import.meta.main': 'false' },
    plugins: [builtinsWhenUsed],
    logLevel: 'warning',
  });
  return text(outputFiles);
}

/** What `require('lzma-native')` finds in an installation: its JavaScript as one file, its library for one platform, its name and version. */
export async function xzEncoder(platform: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles } = await build({
    absWorkingDir: HOME,
    entryPoints: ['node_modules/lzma-native/index.js'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    charset: 'utf8',
    logLevel: 'warning',
  });
  const { name, version, license } = createRequire(import.meta.url)('lzma-native/package.json');
  const manifest = `${JSON.stringify({ name, version, license, main: 'index.js' })}\n`;
  const library = `prebuilds/${platform}/node.napi.node`;
  return new Map([
    ['index.js', text(outputFiles)],
    ['package.json', new TextEncoder().encode(manifest)],
    [library, readFileSync(join(HOME, 'node_modules/lzma-native', library))],
    ['LICENSE', readFileSync(join(HOME, 'node_modules/lzma-native/LICENSE'))],
  ]);
}
