// The bytes behind the golden vectors: text, code-like bytes with branch instructions of every architecture, a run of zeros, noise.
// Run by itself it writes them to standard output, for make-vectors.sh.
import { pathToFileURL } from 'node:url';

/** A small deterministic generator (xorshift32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** The sample that every golden vector unpacks to: 4,000 bytes. */
export function sample(): Uint8Array {
  const bytes = new Uint8Array(4000);
  const random = generator(1);
  const words = ['boot', 'archive', 'kernel', 'module', 'the fire', 'ember', 'initramfs\n'];
  let at = 0;
  while (at < 1500) for (const char of `${words[random() % words.length]} `) bytes[at++] = char.charCodeAt(0);
  at = 1600;
  const branches = [
    [0xe8, 0, 0, 0, 0],
    [0xe9, 0, 0, 0, 0xff],
    [0x48, 0, 0, 1],
    [0, 0, 0, 0xeb],
    [0, 0xf0, 0, 0xf8],
    [0, 0, 0, 0x94],
    [0, 0, 0, 0x90],
    [0x40, 0, 0, 0],
    [0x7f, 0xc0, 0, 0],
  ];
  while (at < 2800) {
    const branch = branches[random() % branches.length]!;
    for (const byte of branch) bytes[at++] = byte || (random() & 15);
    while (at % 4 !== 0) bytes[at++] = 0x90;
  }
  for (at = 3400; at < 4000; at++) bytes[at] = random();
  return bytes;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(sample());
