// The filters of xz that may stand before LZMA2, undone in place on a whole block: delta, and the branch converters that turn
// absolute call targets back into relative ones (x86, PowerPC, ARM, ARM Thumb, SPARC, ARM64). Kernels are packed with these.
import { badValue, unsupported } from './fault.ts';
import type { Filter } from './xz-frame.ts';

const STRUCTURE = 'xz filter';

/** Undoes one filter. Throws UNSUPPORTED for an unknown one. */
export function undoFilter(filter: Filter, bytes: Uint8Array, offset: number): void {
  const { id, properties } = filter;
  if (id === 0x03) {
    if (properties.length !== 1) throw badValue(STRUCTURE, offset, 'delta needs one byte of properties');
    delta(bytes, properties[0]! + 1);
    return;
  }
  const undo = BRANCHES[id];
  if (undo === undefined) throw unsupported(STRUCTURE, offset, `filter ${id.toString(16)}`);
  if (properties.length !== 0 && properties.length !== 4) throw badValue(STRUCTURE, offset, 'a start offset that is not 4 bytes');
  const start = properties.length === 0 ? 0 : new DataView(properties.buffer, properties.byteOffset).getUint32(0, true);
  if (start % undo.unit !== 0) throw badValue(STRUCTURE, offset, `a start offset of ${start}, which is no multiple of ${undo.unit}`);
  undo.run(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), start);
}

function delta(bytes: Uint8Array, distance: number): void {
  for (let at = distance; at < bytes.length; at++) bytes[at] = bytes[at]! + bytes[at - distance]!;
}

/** `unit` is the size of the instructions, to which start offsets must be aligned. */
interface Branch {
  readonly unit: number;
  run(bytes: Uint8Array, view: DataView, start: number): void;
}

const BRANCHES: Readonly<Record<number, Branch>> = {
  4: { unit: 1, run: x86 },
  5: { unit: 4, run: powerpc },
  7: { unit: 4, run: arm },
  8: { unit: 2, run: armThumb },
  9: { unit: 4, run: sparc },
  10: { unit: 4, run: arm64 },
};

const isEdge = (byte: number): boolean => byte === 0 || byte === 0xff;

/** E8 (call) and E9 (jump) with a 32-bit operand; `mask` remembers which of the bytes just before looked like one. */
function x86(bytes: Uint8Array, _view: DataView, start: number): void {
  const allowed = [true, true, true, false, true, false, false, false];
  const bitNumber = [0, 1, 2, 2, 3, 3, 3, 3];
  let before = -1; // the index of the last candidate
  let mask = 0;
  const last = bytes.length - 4;
  for (let at = 0; at < last; at++) {
    if ((bytes[at]! & 0xfe) !== 0xe8) continue;
    const gap = at - before;
    if (gap > 3) mask = 0;
    else {
      mask = (mask << (gap - 1)) & 7;
      if (mask !== 0 && (!allowed[mask] || isEdge(bytes[at + 4 - bitNumber[mask]!]!))) {
        before = at;
        mask = (mask << 1) | 1;
        continue;
      }
    }
    before = at;
    if (!isEdge(bytes[at + 4]!)) {
      mask = (mask << 1) | 1;
      continue;
    }
    let source = bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24);
    let target: number;
    for (;;) {
      target = (source - (start + at + 5)) | 0;
      if (mask === 0) break;
      const shift = bitNumber[mask]! * 8;
      if (!isEdge((target >>> (24 - shift)) & 0xff)) break;
      source = target ^ ((1 << (32 - shift)) - 1);
    }
    bytes[at + 1] = target;
    bytes[at + 2] = target >> 8;
    bytes[at + 3] = target >> 16;
    bytes[at + 4] = target & 0x1000000 ? 0xff : 0;
    at += 4;
    mask = 0;
    before = at;
  }
}

function powerpc(_bytes: Uint8Array, view: DataView, start: number): void {
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    const code = view.getUint32(at);
    if ((code & 0xfc000003) >>> 0 !== 0x48000001) continue;
    view.setUint32(at, 0x48000001 | ((code - (start + at)) & 0x03fffffc));
  }
}

function arm(_bytes: Uint8Array, view: DataView, start: number): void {
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    const code = view.getUint32(at, true);
    if (code >>> 24 !== 0xeb) continue;
    view.setUint32(at, 0xeb000000 | (((((code & 0xffffff) << 2) - (start + at + 8)) >>> 2) & 0xffffff), true);
  }
}

function armThumb(_bytes: Uint8Array, view: DataView, start: number): void {
  for (let at = 0; at + 4 <= view.byteLength; at += 2) {
    const high = view.getUint16(at, true);
    const low = view.getUint16(at + 2, true);
    if ((high & 0xf800) !== 0xf000 || (low & 0xf800) !== 0xf800) continue;
    const source = (((high & 0x7ff) << 11) | (low & 0x7ff)) << 1;
    const target = (source - (start + at + 4)) >>> 1;
    view.setUint16(at, 0xf000 | ((target >>> 11) & 0x7ff), true);
    view.setUint16(at + 2, 0xf800 | (target & 0x7ff), true);
    at += 2;
  }
}

function sparc(_bytes: Uint8Array, view: DataView, start: number): void {
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    const code = view.getUint32(at);
    if (code >>> 22 !== 0x100 && code >>> 22 !== 0x1ff) continue;
    const target = ((code << 2) - (start + at)) >>> 2;
    view.setUint32(at, 0x40000000 | (((0 - ((target >>> 22) & 1)) << 22) & 0x3fffffff) | (target & 0x3fffff));
  }
}

/** BL always, ADRP only within +-512 MiB so that data is seldom mistaken for it. */
function arm64(_bytes: Uint8Array, view: DataView, start: number): void {
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    const code = view.getUint32(at, true);
    const place = start + at;
    if (code >>> 26 === 0x25) {
      view.setUint32(at, 0x94000000 | ((code - (place >>> 2)) & 0x03ffffff), true);
    } else if ((code & 0x9f000000) >>> 0 === 0x90000000) {
      const source = ((code >>> 29) & 3) | ((code >>> 3) & 0x1ffffc);
      if (((source + 0x20000) & 0x1c0000) !== 0) continue;
      const target = source - (place >>> 12);
      const kept = (code & 0x9000001f) >>> 0;
      view.setUint32(at, kept | ((target & 3) << 29) | ((target & 0x3fffc) << 3) | ((0 - (target & 0x20000)) & 0xe00000), true);
    }
  }
}
