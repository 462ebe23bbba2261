/** knest completion, and the hidden command that its scripts ask while the user types. */

import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export function addCompletion(parent: Command, cli: Cli): void {
  const command = parent.command('completion').description('print a completion script for a shell');
  command
    .addArgument(command.createArgument('<shell>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      [
        '',
        'Set it up for good:',
        "  bash  echo 'source <(knest completion bash)' >> ~/.bashrc",
        "  zsh   echo 'source <(knest completion zsh)' >> ~/.zshrc",
        '  fish  knest completion fish > ~/.config/fish/completions/knest.fish',
      ].join('\n'),
    )
    .action(async (shell: (typeof shells)[number]) => {
      const { completionScript } = await import('../completion.ts');
      cli.terminal.stdout.write(completionScript(shell));
    });
}

export function addComplete(parent: Command, cli: Cli): void {
  parent
    .command('complete', { hidden: true })
    .argument('[words...]', 'the words of the command line so far, after "--"')
    .action(async (words: string[]) => {
      const { complete } = await import('../completion.ts');
      cli.terminal.stdout.write(await complete(parent, words, cli.api));
    });
}
