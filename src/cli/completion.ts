// Completion scripts for shells, made from the verbs' tables: complete at the time they are made, nothing is run while completing.
import { COMMON_OPTIONS } from './options.ts';
import type { OptionSpec, Verb } from './verb.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** The completion script of a shell for these verbs. */
export function completionScript(shell: Shell, verbs: readonly Verb[]): string {
  if (shell === 'bash') return bash(verbs);
  return shell === 'zsh' ? zsh(verbs) : fish(verbs);
}

function optionsOf(verb: Verb): [string, OptionSpec][] {
  return Object.entries({ ...verb.options, ...COMMON_OPTIONS });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function spellings(name: string, spec: OptionSpec): string[] {
  return spec.short === undefined ? [`--${name}`] : [`-${spec.short}`, `--${name}`];
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => {
    const words = optionsOf(verb).flatMap(([name, spec]) => spellings(name, spec));
    const values = optionsOf(verb)
      .filter(([, spec]) => spec.value !== undefined)
      .map(([name, spec]) => {
        const action =
          spec.choices === undefined
            ? `COMPREPLY=($(compgen ${spec.completes === 'directory' ? '-d' : '-f'} -- "$word"))`
            : `COMPREPLY=($(compgen -W ${quoted(spec.choices.join(' '))} -- "$word"))`;
        return `      ${spellings(name, spec).join(' | ')}) ${action}; return ;;\n`;
      });
    const chosen = values.length === 0 ? '' : `    case $before in\n${values.join('')}    esac\n`;
    return `  ${verb.name})\n${chosen}    words=${quoted(words.join(' '))} ;;\n`;
  });
  return `# bash completion for kindling; made by "kindling completion bash".
_kindling() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...verbs.map((verb) => verb.name), '--help', '--version'].join(' '))} -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('')}  esac
  case $word in
  -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _kindling kindling
`;
}

function zsh(verbs: readonly Verb[]): string {
  // In _arguments a colon and brackets have a meaning of their own.
  const plain = (text: string): string => text.replace(/[:[\]\\]/g, (char) => `\\${char}`);
  const cases = verbs.map((verb) => {
    const lines = optionsOf(verb).map(([name, spec]) => {
      const action = spec.choices === undefined ? (spec.completes === 'directory' ? '_files -/' : '_files') : `(${spec.choices.join(' ')})`;
      const value = spec.value === undefined ? '' : `:${plain(spec.value)}:${action}`;
      const repeat = spec.multiple === true ? '*' : '';
      return spellings(name, spec)
        .map((spelling) => `      ${quoted(`${repeat}${spelling}[${plain(spec.summary)}]${value}`)} \\\n`)
        .join('');
    });
    return `  ${verb.name})\n    _arguments \\\n${lines.join('')}      '*:file:_files' ;;\n`;
  });
  return `#compdef kindling
# zsh completion for kindling; made by "kindling completion zsh".
_kindling() {
  local -a verbs
  verbs=(
${verbs.map((verb) => `    ${quoted(`${verb.name}:${verb.summary}`)}\n`).join('')}  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('')}  esac
}
_kindling "$@"
`;
}

function fish(verbs: readonly Verb[]): string {
  const lines = ['# fish completion for kindling; made by "kindling completion fish".'];
  for (const verb of verbs)
    lines.push(`complete -c kindling -n __fish_use_subcommand -f -a ${verb.name} -d ${quotedForFish(verb.summary)}`);
  for (const verb of verbs) {
    for (const [name, spec] of optionsOf(verb)) {
      const words = [`complete -c kindling -n ${quotedForFish(`__fish_seen_subcommand_from ${verb.name}`)} -l ${name}`];
      if (spec.short !== undefined) words.push(`-s ${spec.short}`);
      if (spec.choices !== undefined) words.push(`-x -a ${quotedForFish(spec.choices.join(' '))}`);
      else if (spec.value !== undefined) words.push(spec.completes === 'directory' ? "-x -a '(__fish_complete_directories)'" : '-r');
      words.push(`-d ${quotedForFish(spec.summary)}`);
      lines.push(words.join(' '));
    }
  }
  return `${lines.join('\n')}\n`;
}

// Inside single quotes fish knows \\' and \\\\ , which POSIX shells do not.
function quotedForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
