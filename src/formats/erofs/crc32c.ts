// CRC-32C (Castagnoli, reflected) as the kernel's crc32c() has it: no inversion at the end. EROFS signs its superblock with it.

function makeTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    table[byte] = value;
  }
  return table;
}

const TABLE = makeTable();

/** The register after `bytes`, starting from all ones; unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255]!;
  return crc >>> 0;
}
