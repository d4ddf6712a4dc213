// node/blocks: compresses the blocks of squashfs images in worker threads, with a cache by content.
export { CACHE_LIMIT, type CacheOptions, cacheDirectory } from './cache.ts';
export { BLOCK_LEVELS, type BlockChoice, type BlockCodecName, blockChoice, GZIP_STRATEGIES, XZ_FILTERS } from './choice.ts';
export { type BlockOptions, blockCompressor, type PooledCompressor } from './pool.ts';
