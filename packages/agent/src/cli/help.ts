/** Renders the help of cnikit-agent, for terminals and for the documentation, from the tables in `config/`. */
import { type Command, commandHelp, commands } from '../config/commands.ts';
import { type OptionSpec, optionGroups } from '../config/option-spec.ts';
import { optionSpecs } from '../config/options.ts';

type Row = OptionSpec & { name: string };

const WIDTH = 80;
const COMMAND_COLUMN = 12;
const OPTION_COLUMN = 30;

const INTRO = `cnikit-agent maintains the pod network of a Kubernetes node: routes to the pods
of other nodes, forwarding, masquerading, the CNI plugin and its configuration.`;

const OUTRO = `Environment
  NODE_NAME                   Default of --node-name
  CNIKIT_IPTABLES_BACKEND     iptables variant: nft or legacy (default: the one
                              that holds this host's rules)

Every command accepts every option and ignores those that it does not use.
Run cnikit-agent help COMMAND for the options of one command.
`;

/** Returns the help of one command, or without one the overview of all commands and options. */
export function helpText(command?: Command): string {
  return command === undefined || command === 'help' || command === 'version' ? overview() : helpOf(command);
}

function overview(): string {
  const usage = 'Usage: cnikit-agent [command] [options]\n       cnikit-agent help COMMAND';
  const list = commands.map((name) => entry(name, COMMAND_COLUMN, commandHelp[name][0]));
  const groups = optionGroups.map((group) =>
    section(
      group,
      optionSpecs.filter((row) => row.group === group),
    ),
  );
  return `${[INTRO, usage, ['Commands', ...list].join('\n'), ...groups, OUTRO].join('\n\n')}`;
}

function helpOf(command: Command): string {
  const [summary, ...details] = commandHelp[command];
  const about = [`${summary}.`, ...details].flatMap((text) => wrap(text, WIDTH)).join('\n');
  const used = optionSpecs.filter((row) => row.commands.includes(command));
  const words = command === 'policy' ? 'policy QUESTION' : command;
  return `Usage: cnikit-agent ${words} [options]\n\n${about}\n\n${section('Options', used)}\n`;
}

function section(title: string, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const fixed = defaultOf(row);
    const text = fixed === undefined ? row.help : `${row.help} (default: ${fixed})`;
    return entry(syntax(row), OPTION_COLUMN, text);
  });
  return [title, ...lines].join('\n');
}

const syntax = ({ name, short, value }: Row): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;

/** A name and its explanation, which is wrapped in a column that begins at `column`. */
function entry(name: string, column: number, text: string): string {
  const lines = wrap(text, WIDTH - column).map((line) => `${' '.repeat(column)}${line}`);
  const head = `  ${name}`;
  // A long name has a line to itself.
  return head.length < column ? `${head}${lines.join('\n').slice(head.length)}` : [head, ...lines].join('\n');
}

/** Breaks a text into lines of at most `width` characters; a longer word gets its own line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** Returns docs/agent-options.md. */
export function optionsDocument(): string {
  const list = commands.map((name) => `- \`${name}\`: ${commandHelp[name].map(period).join(' ')}`);
  const groups = optionGroups.flatMap((group) => [
    `### ${group}`,
    '',
    ...optionSpecs.filter((row) => row.group === group).flatMap((row) => item(markdownOf(row))),
    '',
  ]);
  return `${[
    '# Commands and options of cnikit-agent',
    '',
    'This page is generated from the tables that parse the command line, in `packages/agent/src/config`.',
    '`npx vitest run src/cli/help.test.ts -u` in `packages/agent` writes it.',
    '',
    '## Commands',
    '',
    ...list.flatMap(item),
    '',
    '## Options',
    '',
    ...groups,
  ].join('\n')}`;
}

const period = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

function markdownOf(row: Row): string {
  const fixed = defaultOf(row);
  const text = [
    `- \`${syntax(row)}\`: ${row.help}.`,
    ...(fixed === undefined ? [] : [`Default: ${row.defaultText ?? `\`${fixed}\``}.`]),
    row.commands.length === commands.length ? 'Used by all commands.' : `Used by ${row.commands.join(', ')}.`,
  ];
  return text.join(' ');
}

/** A list item, wrapped as the prose of the documentation. */
function item(text: string): string[] {
  return wrap(text, 98).map((line, i) => (i === 0 ? line : `  ${line}`));
}

/** Returns the default of an option as the help shows it; undefined for options without one. */
function defaultOf({ default: fixed, defaultText }: OptionSpec): string | undefined {
  return defaultText ?? (typeof fixed === 'string' ? fixed : undefined);
}
