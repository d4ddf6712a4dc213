// boot: what is started (kernel, archives, command line) and the phases it goes through. Data, no machine.
export * as linux from './linux.ts';
export { isPhase, PHASES, type PhaseName } from './phases.ts';
export type { Architecture, BootSpec } from './spec.ts';
