import assert from 'node:assert/strict';
import { test } from 'node:test';
import ts from 'typescript';
import { assertNone, isTest, parsed, sources } from '../test/rooms.ts';
import { DEBIAN_PACKAGES } from './debian-packages.ts';

// In every Debian: packages that are essential or required; and npm, without which no test starts.
const EVERYWHERE: ReadonlySet<string> = new Set(
  'npm ldconfig mkswap sh bash sed tar gzip dpkg-deb blkid mount umount unshare setpriv chroot ldd script mkfifo truncate cmp sha256sum sort'.split(
    ' ',
  ),
);

/** Tools that a test file names in calls of `needs`, as far as they are written out. */
function toolsOf(path: string): string[] {
  const tools: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node) && node.expression.getText() === 'needs') {
      for (const argument of node.arguments.slice(1)) if (ts.isStringLiteral(argument)) tools.push(argument.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed(path));
  return tools;
}

test('every tool that a test needs comes with a package of the table', () => {
  const brought = new Set(DEBIAN_PACKAGES.filter((entry) => entry.groups.includes('test')).flatMap((entry) => entry.programs));
  const faults: string[] = [];
  for (const path of ['src', 'test', 'scripts', 'bench'].flatMap(sources).filter((path) => isTest(path) || path.startsWith('test/'))) {
    for (const tool of toolsOf(path)) if (!brought.has(tool) && !EVERYWHERE.has(tool)) faults.push(`${path}: ${tool}`);
  }
  assertNone(faults);
});

test('a package is named once, with programs and a reason', () => {
  const names = DEBIAN_PACKAGES.map((entry) => entry.name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const entry of DEBIAN_PACKAGES) assert.ok(entry.programs.length > 0 && entry.why.length > 8 && entry.groups.length > 0, entry.name);
});
