// squash: archives whose tree is one image, with a loader outside it.
export { type InitKind, initKind } from './inits.ts';
export { type ImageCodec, squashFaults } from './kernel.ts';
export { type Split, SQUASH_LAYOUTS, type SquashLayout, STOCK_INIT, split, usrTrees } from './layout.ts';
export {
  LOADER_PART,
  type Loader,
  type LoaderRequest,
  type LoaderScripts,
  planLoader,
  SQUASH_CONF,
  type SquashMode,
} from './loader.ts';
