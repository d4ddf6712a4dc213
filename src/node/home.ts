// Where this program keeps its parts that are not code. In a clone and in an npm package they are beside src/ and dist/; in the bundled form
// (scripts/package) they are beside the bundle itself. Everything that looks for such a part asks here.
import { fileURLToPath } from 'node:url';

const OWN = new URL(import.meta.url);
const isBundled = !/\/node\/home\.[jt]s$/.test(OWN.pathname);

/** The directory with early/, packaging/ and package.json, ending with a slash. */
export const HOME: string = fileURLToPath(new URL(isBundled ? './' : '../../', OWN));

/** Whether this is the bundled form: then HOME also holds a private Node and the launcher ("node", "kindling"), and nothing else is needed to run. */
export const IS_BUNDLED: boolean = isBundled;

/**
 * What the worker threads that compress blocks are started with: a module of its own, or a line that loads the bundle under the address by which
 * it knows that it is a worker (the address of a thread's first module loses what stands behind "?").
 */
export const WORKER: URL = isBundled
  ? new URL(`data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(new URL('?worker', OWN).href)}`)}`)
  : new URL(`./blocks/worker${OWN.pathname.slice(-3)}`, OWN);
