// The rules of the house that a machine can check: who imports whom, what pure code may touch, names, sizes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { assertNone, HOME, importsOf, isTest, LAYERS, layerOf, NODE_ROOMS, parsed, sources, textOf } from './rooms.ts';

const LINES_MOST = 400;
// Pure tables may be longer; each with its reason.
const LONG_TABLES: Readonly<Record<string, string>> = {};
const FORBIDDEN_NAMES = /(^|[-/.])(utils?|misc|common|helpers?|manager)([-/.]|$)/;
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|long|fixture|d))?\.ts$/;

// What makes output depend on something other than input. Verbs and machine get their clock handed in like everything else.
const IMPURE_GLOBALS: ReadonlySet<string> = new Set(
  'process Buffer console performance globalThis require __dirname __filename Intl navigator localStorage fetch setInterval setTimeout setImmediate'.split(
    ' ',
  ),
);
const IMPURE_MEMBERS: ReadonlySet<string> = new Set(['Math.random', 'Date.now', 'crypto.getRandomValues', 'crypto.randomUUID']);
const LOCALE_METHODS: ReadonlySet<string> = new Set([
  'localeCompare',
  'toLocaleString',
  'toLocaleLowerCase',
  'toLocaleUpperCase',
  'toLocaleDateString',
]);

const rooms = sources('src').filter((path) => !isTest(path));

/** Why `from` may not import `to` (both paths in the clone), or undefined when it may. */
function importFault(from: string, to: string): string | undefined {
  const [layer, target] = [layerOf(from), layerOf(to)];
  if (!to.startsWith('src/')) return `${to} is not in src/`;
  if (layer === target) {
    const [format, other] = [from.split('/')[2], to.split('/')[2]];
    const crosses = layer === 'formats' && format !== other;
    return crosses && !to.endsWith('/index.ts') ? `a format reaches into another past its index.ts: ${to}` : undefined;
  }
  const [low, high] = [LAYERS.indexOf(target as 'bytes'), LAYERS.indexOf(layer as 'bytes')];
  if (low > high) return `${layer} is below ${target}`;
  if (target === 'node' && layer !== 'cli') return 'node is imported by cli alone';
  if (to === 'src/errors.ts' || to.endsWith('/index.ts')) return undefined;
  // one file a verb is the front door of the library; of node/ the command line takes single files, because start-up time counts there
  if (target === 'verbs' || target === 'node') return undefined;
  return `${to} is reached past its index.ts`;
}

test('every folder of src is a layer', () => {
  const layers = new Set<string>(LAYERS);
  for (const path of rooms) assert.ok(layers.has(layerOf(path)), `${path}: "${layerOf(path)}" is no layer`);
});

test('imports go down, and through index.ts only', () => {
  const faults: string[] = [];
  for (const path of rooms) {
    for (const to of importsOf(path)) {
      if (!to.startsWith('src') && !to.includes('/')) {
        if (!NODE_ROOMS.has(layerOf(path))) faults.push(`${path}: imports ${to}; only node/ and cli/ may`);
        continue;
      }
      const fault = /^(src|test|scripts|bench)\//.test(to) ? importFault(path, to) : `outside package ${to}`;
      if (fault !== undefined && !(NODE_ROOMS.has(layerOf(path)) && fault.startsWith('outside'))) faults.push(`${path}: ${fault}`);
    }
  }
  assertNone(faults);
});

test('the import rule itself refuses what it should', () => {
  assert.match(importFault('src/bytes/ints.ts', 'src/tree/index.ts') ?? '', /below/);
  assert.match(importFault('src/plan/plan.ts', 'src/tree/entry.ts') ?? '', /past its index/);
  assert.match(importFault('src/formats/deb/decode.ts', 'src/formats/ar/decode.ts') ?? '', /past its index/);
  assert.match(importFault('src/verbs/plan.ts', 'src/node/index.ts') ?? '', /below|cli alone/);
  assert.match(importFault('src/plan/plan.ts', 'test/tools.ts') ?? '', /not in src/);
  assert.equal(importFault('src/formats/deb/decode.ts', 'src/formats/ar/index.ts'), undefined);
  assert.equal(importFault('src/plan/plan.ts', 'src/errors.ts'), undefined);
});

function impurities(path: string): string[] {
  const faults: string[] = [];
  const file = parsed(path);
  const report = (node: ts.Node, what: string) => {
    faults.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
  };
  // A name counts where it is used as a value, not where it names a property, a parameter or a type.
  const isUse = (node: ts.Identifier) => {
    const parent = node.parent;
    if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
    return ts.isCallExpression(parent) || ts.isElementAccessExpression(parent) || ts.isNewExpression(parent);
  };
  const visit = (node: ts.Node) => {
    if (ts.isIdentifier(node) && IMPURE_GLOBALS.has(node.text) && isUse(node)) report(node, node.text);
    if (ts.isPropertyAccessExpression(node)) {
      if (IMPURE_MEMBERS.has(node.getText())) report(node, node.getText());
      if (LOCALE_METHODS.has(node.name.text)) report(node, node.name.text);
    }
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0) report(node, 'new Date()');
    ts.forEachChild(node, visit);
  };
  visit(file);
  return faults;
}

test('pure rooms touch no clock, chance, locale, process or console', () => {
  assert.deepEqual(rooms.filter((path) => !NODE_ROOMS.has(layerOf(path))).flatMap(impurities), []);
});

test('files are short, named by the rules, and say at the top what they are', () => {
  const faults: string[] = [];
  for (const path of ['src', 'test', 'scripts', 'bench'].flatMap(sources)) {
    const text = textOf(path);
    const lines = text.split('\n').length - 1;
    if (lines > LINES_MOST && LONG_TABLES[path] === undefined) faults.push(`${path}: ${lines} lines, at most ${LINES_MOST}`);
    if (FORBIDDEN_NAMES.test(path)) faults.push(`${path}: a name that says nothing`);
    if (!FILE_NAME.test(path.split('/').at(-1) ?? '')) faults.push(`${path}: file names are kebab-case`);
    if (!isTest(path) && !/^(#!.*\n)?\/[/*]/.test(text)) faults.push(`${path}: no comment at the top`);
  }
  assertNone(faults);
});

test('no test is switched off, and nothing is left to do', () => {
  const faults: string[] = [];
  for (const path of ['src', 'test', 'scripts', 'bench'].flatMap(sources)) {
    for (const [index, line] of textOf(path).split('\n').entries()) {
      if (/\b(test|it|describe|suite)\.(skip|only|todo)\(/.test(line) && !line.includes('.test(line)'))
        faults.push(`${path}:${index + 1}: ${line.trim()}`);
      if (/\/\/.*\b(TO[D]O|FIX[M]E|XX[X])\b/.test(line)) faults.push(`${path}:${index + 1}: ${line.trim()}`);
    }
  }
  assertNone(faults);
});

test('the browser-safe type check covers every pure room', () => {
  const config = JSON.parse(readFileSync(join(HOME, 'tsconfig.pure.json'), 'utf8')) as { include: string[] };
  const present = new Set(rooms.map(layerOf).filter((layer) => !NODE_ROOMS.has(layer)));
  for (const layer of present) {
    const included = config.include.some((entry) => entry === `src/${layer}` || entry === `src/${layer}.ts`);
    assert.ok(included, `tsconfig.pure.json does not include src/${layer}`);
  }
});
