// Configuration files: what lines mean, which file wins, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type Entry, file, makeTree, symlink, withParents } from '../../tree/index.ts';
import { type Root, treeRoot } from '../root.ts';
import { assignment, parseFile, printConfiguration, readConfiguration } from './index.ts';

function rootWith(files: Readonly<Record<string, string>>): Root {
  const entries = Object.entries(files).map(([path, text]): Entry => {
    return text.startsWith('-> ') ? symlink(path, text.slice(3)) : file(path, bytesSource(utf8(text)));
  });
  return treeRoot(makeTree(withParents(entries)), 'a root');
}

test('files are merged by name: vendor, run, etc; a later name wins a word, lists grow', () => {
  const { settings, files, masked } = readConfiguration(
    rootWith({
      'etc/kindling.conf': 'codec = gzip\nmodules = one\n',
      'usr/lib/kindling/kindling.conf.d/10-vendor.conf': 'codec = xz:9\nmodules = two, three # more\n',
      'usr/lib/kindling/kindling.conf.d/20-gone.conf': 'scope = host\n',
      'etc/kindling.conf.d/20-gone.conf': '-> /dev/null',
      'usr/lib/kindling/kindling.conf.d/30-mine.conf': 'firmware = no\n',
      'run/kindling/kindling.conf.d/30-mine.conf': 'firmware = yes\n',
      'etc/kindling.conf.d/90-last.conf': 'omit-modules = radeon*\n',
      'etc/kindling.conf.d/README': 'not a setting\n',
    }),
  );
  assert.deepEqual(settings.codec, ['xz:9']);
  assert.deepEqual(settings.modules, ['one', 'two', 'three']);
  assert.deepEqual(settings.scope, ['generic']);
  assert.deepEqual(settings.firmware, ['yes']);
  assert.deepEqual(settings['omit-modules'], ['radeon*']);
  assert.equal(files.length, 4);
  assert.deepEqual(masked, [
    '/etc/kindling.conf.d/20-gone.conf',
    '/usr/lib/kindling/kindling.conf.d/20-gone.conf',
    '/usr/lib/kindling/kindling.conf.d/30-mine.conf',
  ]);
});

test('the project file comes after the root, the command line after both; nothing empties a list', () => {
  const root = rootWith({ 'etc/kindling.conf': 'modules = a\ncodec = gzip\n' });
  const project = { label: 'kindling.conf', text: 'modules =\nmodules = b\ncodec = none\n' };
  const { settings } = readConfiguration(root, project, [assignment('codec', 'zstd:1', 'command line', 0)]);
  assert.deepEqual(settings.modules, ['b']);
  assert.deepEqual(settings.codec, ['zstd:1']);
});

test('what was said last about a part holds', () => {
  const root = rootWith({
    'etc/kindling.conf': 'add = network\nomit = fsck\n',
    'etc/kindling.conf.d/50-x.conf': 'omit = network\nadd = fsck\n',
  });
  const { settings } = readConfiguration(root);
  assert.deepEqual([settings.add, settings.omit], [['fsck'], ['network']]);
});

test('a line that cannot be understood is BAD_CONFIG with file and line', () => {
  const lines = {
    what: /expected "name = value"/,
    'colour = red': /no setting/,
    'scope = moon': /generic or host/,
    'codec = a b': /one word/,
  };
  for (const [line, message] of Object.entries(lines)) {
    assert.throws(
      () => parseFile(`# first\n\n${line}\n`, '/etc/kindling.conf'),
      (error) =>
        error instanceof KindlingError &&
        error.code === 'BAD_CONFIG' &&
        message.test(error.message) &&
        error.message.includes('/etc/kindling.conf:3'),
    );
  }
});

test('the merged result says where each word came from', () => {
  const text = printConfiguration(readConfiguration(rootWith({ 'etc/kindling.conf': '\nmodules = a\n' })));
  assert.match(text, /^# read \/etc\/kindling\.conf$/m);
  assert.match(text, /^modules = a {2}# \/etc\/kindling\.conf:2$/m);
  assert.match(text, /^scope = generic {2}# default$/m);
  // what is printed can be read again
  assert.doesNotThrow(() => parseFile(text, 'printed'));
});
