// superblock: what kind of file system or volume layer a device holds.
export { identify, type Superblock } from './identify.ts';
export { printable, SIGNATURES, type Signature, type SuperblockRole } from './structs.ts';
