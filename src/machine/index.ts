// machine: QEMU as data, the report channel, the console, the proof of a boot and the search for the least memory.
export { type ConsoleFailure, type ConsoleNews, type ConsoleWatch, consoleWatch, failureIn } from './console.ts';
export { busFor } from './disk-drivers.ts';
export type { MachineEnd, MachineHost, MachineListener, RunningMachine } from './host.ts';
export { GRID_MIB, type LeastMemory, type SearchBounds, search, type Trial } from './memory.ts';
export type { Ending, PhaseMark, Proof, Shortfall } from './proof.ts';
export { describeGoal, type ProveRequest, prove } from './prove.ts';
export * as qemu from './qemu.ts';
export { type Recorder, recorder } from './recorder.ts';
export { parseLine, type ReportEvent, type ReportReader, reportReader } from './report.ts';
export { type Accelerator, DISK_BUSES, type Disk, type DiskBus, type MachineSpec, type MachineType, type UefiFirmware } from './spec.ts';
