// Outside programs: where on PATH they are.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Path of a program on PATH (a name holding "/" is a path already), or undefined when there is none that can be executed. */
export function findProgram(name: string, path: string = process.env.PATH ?? ''): string | undefined {
  const places = name.includes('/') ? [name] : path.split(delimiter).map((directory) => join(directory === '' ? '.' : directory, name));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false; // not there, or not for us
    }
  });
}
