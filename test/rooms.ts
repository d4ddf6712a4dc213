// The rooms of the house as the tests of its rules see them: which folders there are, in which order, and what each file imports and names.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The clone. */
export const HOME = dirname(dirname(fileURLToPath(import.meta.url)));

/** The layers of src/, lowest first: a room may import those before it in this list. */
export const LAYERS = [
  'errors',
  'bytes',
  'tree',
  'codecs',
  'formats',
  'plan',
  'archive',
  'boot',
  'media',
  'netboot',
  'machine',
  'verbs',
  'node',
  'cli',
] as const;

/** Rooms that may use Node; everything else runs in a browser page as well. */
export const NODE_ROOMS: ReadonlySet<string> = new Set(['node', 'cli']);

/** All TypeScript files below a folder of the clone, as paths relative to it, sorted. */
export function sources(folder: string): string[] {
  const found: string[] = [];
  const visit = (at: string) => {
    if (!existsSync(join(HOME, at))) return;
    for (const entry of readdirSync(join(HOME, at), { withFileTypes: true })) {
      const path = `${at}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== 'testdata') visit(path);
      else if (entry.isFile() && /\.ts$/.test(entry.name)) found.push(path);
    }
  };
  visit(folder);
  return found.sort();
}

/** Whether a file is a test (or something only tests use), which may import whatever it likes. */
export function isTest(path: string): boolean {
  return /\.(test|long|fixture)\.ts$/.test(path) || path.includes('/testdata/');
}

/** The layer a file of src/ belongs to: "errors" for errors.ts, else its first folder. */
export function layerOf(path: string): string {
  const first = path.split('/')[1] ?? '';
  return first.replace(/\.ts$/, '');
}

/** The text of a file of the clone. */
export function textOf(path: string): string {
  return readFileSync(join(HOME, path), 'utf8');
}

/** What a file imports: "node:fs" and package names as they are, relative ones as paths in the clone. Type imports count too. */
export function importsOf(path: string): string[] {
  return ts
    .preProcessFile(textOf(path), true, true)
    .importedFiles.map(({ fileName }) => (fileName.startsWith('.') ? relative(HOME, resolve(HOME, dirname(path), fileName)) : fileName));
}

/** A file's syntax tree. */
export function parsed(path: string): ts.SourceFile {
  return ts.createSourceFile(path, textOf(path), ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS);
}

/** The index.ts of every room, formats and the folders inside `plan` included. */
export function roomIndexes(): string[] {
  return sources('src').filter((path) => path.endsWith('/index.ts') && !path.startsWith('src/cli/'));
}

/** A name that a room exports. */
export interface Exported {
  readonly name: string;
  readonly kind: 'type' | 'value';
  /** Text of its documentation comment, "" where it has none. */
  readonly docblock: string;
  /** File and line of the declaration. */
  readonly at: string;
}

function docblockOf(declaration: ts.Declaration): string {
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const comments = ts.getJSDocCommentsAndTags(holder).filter(ts.isJSDoc);
  return comments.map((comment) => ts.getTextOfJSDocComment(comment.comment) ?? '').join(' ');
}

/** The exported names of each given index file, resolved to their declarations. */
export function exportsOf(indexes: readonly string[]): Map<string, Exported[]> {
  const { config } = ts.readConfigFile(join(HOME, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, HOME);
  const program = ts.createProgram(
    indexes.map((path) => join(HOME, path)),
    options,
  );
  const checker = program.getTypeChecker();
  const all = new Map<string, Exported[]>();
  for (const path of indexes) {
    const file = program.getSourceFile(join(HOME, path));
    const room = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    const names = room === undefined ? [] : checker.getExportsOfModule(room);
    const exported = names.map((symbol): Exported => {
      const target = (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
      const declarations = target.declarations ?? [];
      const [first] = declarations;
      const source = first?.getSourceFile();
      const line = first === undefined || source === undefined ? 0 : source.getLineAndCharacterOfPosition(first.getStart()).line + 1;
      // `export * as newc from` names a whole file, whose top comment documents it
      const isRoom = first !== undefined && ts.isSourceFile(first);
      return {
        name: symbol.name,
        kind: (target.flags & (ts.SymbolFlags.Value | ts.SymbolFlags.ValueModule)) === 0 ? 'type' : 'value',
        docblock: isRoom ? first.text.slice(0, 400) : declarations.map(docblockOf).join(' '),
        at: source === undefined ? path : `${relative(HOME, source.fileName)}:${line}`,
      };
    });
    all.set(
      path,
      exported.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }
  return all;
}

/** Fails with the faults, one a line, when there are any. */
export function assertNone(faults: readonly string[]): void {
  if (faults.length > 0) assert.fail(`${faults.length} faults:\n${faults.join('\n')}`);
}
