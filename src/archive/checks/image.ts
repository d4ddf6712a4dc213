// The image of a squashed archive: is it whole, does the loader outside start, and can the kernel mount it with what is outside?
import type { Finding } from '../../errors.ts';
import { moduleTreeOf, squashFaults, treeRoot } from '../../plan/index.ts';
import { IMAGE_FORMATS } from '../images/index.ts';
import type { InnerImage } from '../inner.ts';
import { checkClosure, checkInit } from './init.ts';
import { finding, type Subject } from './subject.ts';

/** All findings about the image and the loader; none for a plain archive. */
export function checkImage(subject: Subject): Finding[] {
  const { archive, decoders } = subject;
  const { inner, outer } = archive;
  if (inner === undefined) return [];
  const format = IMAGE_FORMATS.find(({ name }) => name === inner.format);
  const own = (format?.check(inner.content, { decoders }) ?? []).map((found) => inImage(found, inner.path));
  if (inner.path === '') return own;
  // What is outside has to stand by itself until the image is mounted.
  const loader: Subject = { ...subject, tree: outer, inside: treeRoot(outer, 'the loader') };
  const started = [checkInit, checkClosure].flatMap((check) => check(loader));
  return [...own, ...started.map((found) => ({ ...found, message: `outside the image: ${found.message}` })), ...checkMount(subject, inner)];
}

function inImage(found: Finding, path: string): Finding {
  if (path === '') return found;
  const { structure, path: inside, ...rest } = found.where;
  return { ...found, where: { ...rest, structure: `${structure ?? 'image'} in ${path}`, path: inside ?? path } };
}

function checkMount({ archive, kernel, decoders }: Subject, { compressor, format, path }: InnerImage): Finding[] {
  if (kernel === undefined) return [];
  const fault = (message: string): Finding => finding('image-unmountable', 'error', message, path);
  if (format === 'erofs') {
    const lacks = kernel.config !== undefined && kernel.config.get('EROFS_FS') === undefined;
    return lacks ? [fault(`kernel ${kernel.version} has no CONFIG_EROFS_FS, which reads the image`)] : [];
  }
  if (compressor === 'lzma') return [fault('no kernel reads a squashfs compressed with lzma')];
  const root = treeRoot(archive.outer, 'the loader');
  const facts = { ...kernel, moduleTree: moduleTreeOf(root, kernel.version) };
  const codecs = ['gzip', 'xz', 'lz4', 'zstd', 'lzo'] as const;
  const codec = codecs.find((one) => one === compressor);
  return codec === undefined ? [] : squashFaults(facts, root, decoders, codec).map(fault);
}
