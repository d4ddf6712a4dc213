// What the bundled form starts with: the command line, or, in a worker thread, the thread's work (src/node/home.ts gives threads this address).
if (new URL(import.meta.url).search === '?worker') {
  await import('../../src/node/blocks/worker.ts');
} else {
  const { main } = await import('../../src/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2));
}
