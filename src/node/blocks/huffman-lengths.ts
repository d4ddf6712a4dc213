// Lengths of a Huffman code for given frequencies, none longer than a bound (RFC 1951 has 15 and 7), and the codes of given lengths.

/** Turns sorted frequencies into code lengths in place, longest first (Moffat and Katajainen, In-Place Calculation of Minimum-Redundancy Codes). */
function minimumRedundancy(weights: Float64Array): void {
  const count = weights.length;
  if (count === 1) weights[0] = 1;
  if (count < 2) return;
  // first: parents of inner nodes
  weights[0] = weights[0]! + weights[1]!;
  let root = 0;
  let leaf = 2;
  for (let next = 1; next < count - 1; next++) {
    if (leaf >= count || weights[root]! < weights[leaf]!) {
      weights[next] = weights[root]!;
      weights[root++] = next;
    } else weights[next] = weights[leaf++]!;
    if (leaf >= count || (root < next && weights[root]! < weights[leaf]!)) {
      weights[next] = weights[next]! + weights[root]!;
      weights[root++] = next;
    } else weights[next] = weights[next]! + weights[leaf++]!;
  }
  // second: depths of inner nodes
  weights[count - 2] = 0;
  for (let next = count - 3; next >= 0; next--) weights[next] = weights[weights[next]!]! + 1;
  // third: depths of leaves
  let available = 1;
  let used = 0;
  let depth = 0;
  let inner = count - 2;
  let next = count - 1;
  while (available > 0) {
    while (inner >= 0 && weights[inner] === depth) {
      used++;
      inner--;
    }
    while (available > used) {
      weights[next--] = depth;
      available--;
    }
    available = 2 * used;
    depth++;
    used = 0;
  }
}

/** Code lengths for `frequencies` (below 2^20; symbols with 0 get none), at most `most` bits. A single symbol gets one bit. */
export function codeLengths(frequencies: Uint32Array, most: number): Uint8Array {
  const lengths = new Uint8Array(frequencies.length);
  const keys: number[] = [];
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    if (frequencies[symbol]! > 0) keys.push(frequencies[symbol]! * 512 + symbol);
  }
  const sorted = Uint32Array.from(keys).sort();
  const depths = Float64Array.from(sorted, (key) => key >>> 9);
  minimumRedundancy(depths);
  const counts = new Uint32Array(most + 1);
  for (const depth of depths) counts[Math.min(depth, most)]!++;
  // What was longer than allowed leaves too many codes of the longest kind: others are made longer until all fit.
  let total = 0;
  for (let length = 1; length <= most; length++) total += counts[length]! << (most - length);
  while (total > 1 << most) {
    counts[most]!--;
    let length = most - 1;
    while (counts[length] === 0) length--;
    counts[length]!--;
    counts[length + 1]! += 2;
    total--;
  }
  let at = 0;
  for (let length = most; length > 0; length--) {
    for (let left = counts[length]!; left > 0; left--) lengths[sorted[at++]! & 511] = length;
  }
  return lengths;
}

/** The canonical codes of these lengths, their bits in the order in which DEFLATE writes them. */
export function codesOf(lengths: Uint8Array): Uint16Array {
  const next = new Uint16Array(17);
  for (const length of lengths) if (length > 0) next[length + 1]!++;
  for (let length = 1, code = 0; length <= 16; length++) {
    code = (code + next[length]!) << 1;
    next[length] = code;
  }
  const codes = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) continue;
    let code = next[length]!++;
    let turned = 0;
    for (let bit = 0; bit < length; bit++, code >>= 1) turned = (turned << 1) | (code & 1);
    codes[symbol] = turned;
  }
  return codes;
}
