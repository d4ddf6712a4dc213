// programs: what a program of the root needs to run, found without running anything.
export { applets } from './busybox.ts';
export { type Asked, closeOverPrograms, findProgram, type ProgramClosure } from './closure.ts';
export { configuredDirectories } from './directories.ts';
export { type LoadedObject, readObject, type Script } from './objects.ts';
