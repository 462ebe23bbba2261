/**
 * Completion: what may come next on a command line, read off the command tree, and the scripts that ask for it.
 *
 * The scripts are our own: those of @bomb.sh/tab (0.0.22) run the typed words through eval in bash, so that TAB after
 * $(command) runs it; they need the package bash-completion, define read-only globals that break when sourced twice,
 * and cannot ask for file names.
 */

import { componentSources, knownSuites, managers, sources } from '../spec/words.ts';
import type { Command, Option } from 'commander';
import type { Api } from './cli.ts';

/** Names that exist right now. */
export interface Names {
  clusters: () => Promise<readonly string[]>;
  nodes: () => Promise<readonly string[]>;
}

export interface Candidate {
  value: string;
  description: string;
}

/** What can follow; `files`: the shell shall offer file names, too. */
export interface Candidates {
  candidates: readonly Candidate[];
  files: boolean;
}

/** The answer to a script: "value<tab>description" lines, then ":files" where file names fit. */
export async function complete(
  program: Command,
  words: readonly string[],
  loadApi: () => Promise<Api>,
): Promise<string> {
  const names = {
    clusters: async () => (await (await loadApi()).listClusters()).map(({ name }) => name),
    nodes: async () => (await loadApi()).listNodeNames(),
  };
  const { candidates, files } = await findCandidates(program, words, names);
  const lines = candidates.map(({ value, description }) => `${value}\t${description}`);
  return [...lines, ...(files ? [':files'] : [])].map((line) => `${line}\n`).join('');
}

/** @param words the command line after the program's name; the last one is being typed and may be empty. */
async function findCandidates(program: Command, words: readonly string[], names: Names): Promise<Candidates> {
  const { command, positionals, option, current, literal } = readWords(program, words);
  if (option) {
    const flag = valueOf(option);
    return inList(await valuesOf(flag, option.argChoices, names), flag, current);
  }
  const assignment = literal ? undefined : /^(--[^=]+)=(.*)$/.exec(current);
  if (assignment) {
    const [, flag = '', value = ''] = assignment;
    const assigned = findOption(command, flag);
    const what = assigned ? valueOf(assigned) : '';
    const { candidates } = inList(await valuesOf(what, assigned?.argChoices, names), what, value);
    return { candidates: candidates.map((one) => ({ ...one, value: `${flag}=${one.value}` })), files: false };
  }
  if (current.startsWith('-') && !literal)
    return matching({ values: flagsOf(command), files: false }, current);
  if (command.commands.length > 0) return matching({ values: subcommandsOf(command), files: false }, current);
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const variadic = last?.variadic ? last : undefined;
  // "exec --all -- ...": what follows is the command, even where no node was named
  const argument = (literal ? variadic : undefined) ?? registeredArguments[positionals] ?? variadic;
  if (!argument) return { candidates: [], files: false };
  return inList(await valuesOf(argument.name(), argument.argChoices, names), argument.name(), current);
}

/** Of a list of nodes, "a,b", the last one is being typed; one that is in it is not offered again. */
function inList(values: Values, what: string, current: string): Candidates {
  const before = takeLists.includes(what) ? current.slice(0, current.lastIndexOf(',') + 1) : '';
  const named = before.split(',');
  const rest = values.values.filter(({ value }) => !named.includes(value));
  const found = matching({ ...values, values: rest }, current.slice(before.length));
  return {
    ...found,
    candidates: found.candidates.map((one) => ({ ...one, value: `${before}${one.value}` })),
  };
}

interface Reading {
  command: Command;
  /** How many arguments there are already. */
  positionals: number;
  /** The option whose value is being typed. */
  option: Option | undefined;
  current: string;
  /** After "--": nothing is an option any more. */
  literal: boolean;
}

/** Where in the command tree the words lead. */
function readWords(program: Command, words: readonly string[]): Reading {
  const joined = joinAssignments(words);
  const current = joined.at(-1) ?? '';
  const reading: Reading = { command: program, positionals: 0, option: undefined, current, literal: false };
  for (const word of joined.slice(0, -1)) {
    const subcommand = reading.command.commands.find(
      (one) => one.name() === word || one.aliases().includes(word),
    );
    if (reading.option) reading.option = undefined;
    else if (!reading.literal && word === '--') reading.literal = true;
    else if (!reading.literal && word.startsWith('-'))
      reading.option = optionAwaitingValue(reading.command, word);
    else if (!reading.literal && reading.positionals === 0 && subcommand) reading.command = subcommand;
    else reading.positionals += 1;
  }
  return reading;
}

/** bash cuts "--name=value" into three words; to it, only what follows "=" is being typed. */
function joinAssignments(words: readonly string[]): string[] {
  const kept = words.filter(
    (word, index) => !(word === '=' && index < words.length - 1 && isFlag(words[index - 1])),
  );
  return kept.at(-1) === '=' && isFlag(kept.at(-2)) ? [...kept.slice(0, -1), ''] : kept;
}

function isFlag(word: string | undefined): boolean {
  return word?.startsWith('--') ?? false;
}

function optionAwaitingValue(command: Command, word: string): Option | undefined {
  const option = findOption(command, word);
  return option && (option.required || option.optional) ? option : undefined;
}

function findOption(command: Command, flag: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => long === flag || short === flag);
}

/** Its own and those of all commands above it. */
function optionsOf(command: Command): Option[] {
  const inherited = command.parent ? optionsOf(command.parent) : [];
  return [...command.options, ...inherited].filter(({ hidden }) => !hidden);
}

function flagsOf(command: Command): Candidate[] {
  const flags = optionsOf(command).map(({ long, short, description }) => ({
    value: long ?? short ?? '',
    description,
  }));
  return [...flags, { value: '--help', description: 'print help' }];
}

function subcommandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ value: one.name(), description: one.description() }));
}

/** What an option's value is: its flag tells, but "--nodes <count>" is not "--nodes <names>". */
function valueOf({ long, flags }: Option): string {
  return /<(count|number)>/.test(flags) ? '' : (long ?? '');
}

interface Values {
  values: readonly Candidate[];
  files: boolean;
}

/** Values of an option or argument that commander does not check itself. */
const fixedValues: Readonly<Record<string, readonly string[]>> = {
  '--source': sources,
  '--containerd': componentSources,
  '--runc': componentSources,
  '--cni-plugins': componentSources,
  '--etcd': componentSources,
  '--manager': managers,
  '--network': ['bridge'],
  '--suite': knownSuites,
  '--output': ['text', 'json', 'dir:'],
  '--unit': [
    'containerd',
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kubelet',
    'kube-proxy',
  ],
};

/** Several, separated by commas. */
const takeLists = ['node', 'nodes', '--nodes'];

const takeFiles = [
  ...['--config', '--kubeconfig', '--source', 'files'],
  ...['--containerd', '--runc', '--cni-plugins', '--etcd'],
  ...['--bundle', '--file', '--sign-key', '--verify-key', 'bundle'],
];

async function valuesOf(what: string, choices: readonly string[] | undefined, names: Names): Promise<Values> {
  const words = choices ?? fixedValues[what] ?? (await existing(what, names));
  return { values: words.map((value) => ({ value, description: '' })), files: takeFiles.includes(what) };
}

/** Completion must never fail: a host that cannot be asked has no names. */
async function existing(what: string, names: Names): Promise<readonly string[]> {
  try {
    if (what === '--name' || what === 'names') return await names.clusters();
    if (takeLists.includes(what)) return await names.nodes();
  } catch {
    return [];
  }
  return [];
}

function matching({ values, files }: Values, current: string): Candidates {
  return { candidates: values.filter(({ value }) => value.startsWith(current)), files };
}

/** The script that makes a shell ask `knest complete`. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish'): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
}

const bashScript = `# bash completion for knest
_knest() {
    local current=\${COMP_WORDS[COMP_CWORD]} line
    [[ $current == '=' ]] && current=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == ':files' ]]; then
            compopt -o filenames
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
        else
            COMPREPLY+=("\${line%%$'\\t'*}")
        fi
    done < <(knest complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _knest knest
`;

const zshScript = `#compdef knest
_knest() {
    local line files=0
    local -a values
    for line in "\${(@f)$(knest complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == ':files' ]]; then
            files=1
        elif [[ -n $line ]]; then
            values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
        fi
    done
    (( $#values )) && _describe -t knest 'knest' values
    (( files )) && _files
    return 0
}
if [[ $funcstack[1] == _knest ]]; then
    _knest "$@"
else
    compdef _knest knest
fi
`;

const fishScript = `# fish completion for knest
function __knest_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (knest complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c knest -f -a '(__knest_complete)'
`;
