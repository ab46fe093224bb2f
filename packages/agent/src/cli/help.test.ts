import { expect, test } from 'vitest';
import { commands } from '../config/commands.ts';
import { optionSpecs } from '../config/options.ts';
import { helpText, optionsDocument } from './help.ts';

test('helpText() lists every command and every option', () => {
  const text = helpText();
  for (const command of commands) {
    expect(text).toMatch(new RegExp(`^  ${command} `, 'm'));
  }
  for (const { name } of optionSpecs) {
    expect(text).toMatch(new RegExp(`^  (-h, )?--${name}( |$)`, 'm'));
  }
});

test('helpText() begins the explanation of an option with a long name on the next line', () => {
  expect(helpText()).toMatch(/\n {2}--foreign-source-namespaces LIST\n {30}Comma-separated namespaces/);
});

test('helpText() explains one command and exactly its options', () => {
  expect(helpText('rollback')).toBe(`Usage: cnikit-agent rollback [options]

Restore the previous plugin and CNI configuration.
The agent keeps the restored version until the next upgrade, or until rollback
--undo.

Options
  --cni-bin-dir DIR           Directory for CNI plugin executables (default:
                              /opt/cni/bin)
  --cni-conf-dir DIR          Directory for CNI configuration files (default:
                              /etc/cni/net.d)
  --undo                      Let the agent reinstall its own version
  -h, --help                  Print the help
`);
});

test.each(commands)('helpText() fits %s into 80 columns', (command) => {
  for (const line of helpText(command).split('\n')) {
    expect(line.length).toBeLessThanOrEqual(80);
  }
});

test('optionsDocument() equals docs/agent-options.md', async () => {
  await expect(optionsDocument()).toMatchFileSnapshot('../../../../docs/agent-options.md');
});
