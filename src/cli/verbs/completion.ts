// kindling completion: the completion script of a shell, made from the verbs' tables.
import { completionScript, type Shell } from '../completion.ts';
import { usageError, type Verb } from '../verb.ts';
import { VERBS } from '../verbs.ts';

export const completion: Verb = {
  name: 'completion',
  summary: 'print completions for bash, zsh or fish',
  positionals: [{ name: 'SHELL', summary: 'bash, zsh or fish', required: true }],
  options: {},
  examples: [{ command: 'kindling completion bash > /etc/bash_completion.d/kindling', does: 'installs it for everybody' }],
  async run(parsed, world) {
    const verbs = await Promise.all(VERBS.map((entry) => entry.load()));
    await world.out.write(completionScript(shellNamed(parsed.positionals[0] ?? ''), verbs));
    return 0;
  },
};

function shellNamed(name: string): Shell {
  if (name === 'bash' || name === 'zsh' || name === 'fish') return name;
  throw usageError(`completion: there is none for "${name}", expected bash, zsh or fish`);
}
