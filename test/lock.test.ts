// package-lock.json has to be complete for every platform, or `npm ci` refuses it in a fresh clone: npm leaves out optional packages that
// it could not fetch where the lock file was written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertNone, HOME } from './rooms.ts';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync(join(HOME, 'package-lock.json'), 'utf8')) as { packages: Readonly<Record<string, Locked>> };
const entries = Object.entries(lock.packages);

test('every package that a locked package names is locked', () => {
  const faults = entries.flatMap(([path, held]) =>
    Object.keys({ ...held.dependencies, ...held.devDependencies, ...held.optionalDependencies })
      .filter((name) => lock.packages[`${path}/node_modules/${name}`] === undefined && lock.packages[`node_modules/${name}`] === undefined)
      .map((name) => `${path || 'kindling'} wants ${name}`),
  );
  assertNone(faults);
});

test('what every platform installs is locked by its hash, and no registry is named', () => {
  assertNone(entries.filter(([path, held]) => path !== '' && held.optional !== true && held.integrity === undefined).map(([path]) => path));
  assertNone(entries.filter(([, held]) => held.resolved !== undefined).map(([path]) => path));
});

test('the Node that npm brings is locked by its hash', () => {
  const nodes = entries.filter(([path]) => /node_modules\/node-\w+-\w+$/.test(path));
  assert.ok(nodes.length >= 2);
  for (const [path, held] of nodes) assert.ok(held.integrity, path);
});
