// The Debian binary package: deb(5). An ar archive of "debian-binary" ("2.0\n"), "control.tar[.gz|.xz|.zst]" and
// "data.tar[.gz|.xz|.zst|.bz2|.lzma]", in this order; members whose names start with "_" may stand between and are ignored.

/** First member, and the only format version there has been since 1995. */
export const VERSION_MEMBER = 'debian-binary';
export const VERSION_MAJOR = '2';

/** Compression by the end of a member's name; "" is a plain tar. */
export const COMPRESSIONS = { '': undefined, '.gz': 'gzip', '.xz': 'xz', '.zst': 'zstd', '.bz2': 'bzip2', '.lzma': 'lzma' } as const;

/** Directories that a merged-/usr root has as links into usr (Debian's usrmerge). */
export const MERGED_DIRECTORIES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libo32'] as const;
