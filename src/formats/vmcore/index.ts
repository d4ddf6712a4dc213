// vmcore: saved memory of a crashed kernel, as an ELF core or in makedumpfile's compressed form. Read only.
export { decode, detect, type Vmcore } from './decode.ts';
