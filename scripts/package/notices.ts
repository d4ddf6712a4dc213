// The notices of the Debian package: copyright (Debian's machine-readable format 1.0) and changelog (Debian policy 4.4).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlFields } from '../../src/formats/deb/index.ts';
import { HOME } from '../../src/node/home.ts';

function indented(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}

/** The licence without its title and its line of copyright. */
function termsOf(licence: string): string {
  const at = licence.indexOf('Permission is hereby granted');
  if (at < 0) throw new Error('LICENSE is not the MIT licence that the notices speak of');
  return licence.slice(at);
}

/** Whose the parts of the package are, and under which terms. */
export function copyright(): string {
  const licence = readFileSync(join(HOME, 'LICENSE'), 'utf8');
  const holder = /^Copyright \(c\) (.+)$/m.exec(licence)?.[1] ?? '';
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: ${holder}
License: Expat

Files: usr/lib/kindling/node
Copyright: Node.js contributors, Joyent, Inc. and other Node contributors
License: node
 The Node.js license and the licenses of the libraries within it are in
 /usr/share/doc/kindling/node/LICENSE.gz

Files: usr/lib/kindling/node_modules/lzma-native/*
Copyright: 2014 Hackerl, 2014-2021 Anna Henningsen and the authors of readable-stream, string_decoder, safe-buffer, inherits,
 util-deprecate and node-gyp-build
License: Expat
Comment: Includes liblzma of XZ Utils, which is in the public domain. inherits is under the ISC license, which grants the same.

License: Expat
${indented(termsOf(licence))}
`;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The changelog as Debian's tools read it: one entry, which says where the whole one is. */
export function changelog(version: string, time: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = new Date(time * 1000);
  const day = `${WEEKDAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  const maintainer = controlFields(readFileSync(join(HOME, 'packaging/debian/control'))).get('Maintainer');
  return `kindling (${version}) unstable; urgency=medium

  * This package was built from its sources; what changed from version to
    version is in CHANGELOG.md.gz beside this file.

 -- ${maintainer}  ${day} ${clock} +0000
`;
}
