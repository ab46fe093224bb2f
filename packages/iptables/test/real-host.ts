import { sys } from '../../sys/src/index.ts';
import type { Run } from '../src/index.ts';
import type { Host } from './contract.ts';

/** Runs a program. Cheaper than Node's own, which forks the test. */
export const realRun: Run = (argv, input = '') => sys.run(argv, { input });

/** Empties the iptables of the sandbox, both backends and families, and returns it. */
export function realHost(): Host {
  for (const stem of ['iptables', 'ip6tables']) {
    for (const backend of ['nft', 'legacy']) {
      const text = realRun([`${stem}-${backend}-save`]).stdout;
      const payload = [...text.matchAll(/^\*(\w+)$/gm)].map(([, table]) => {
        const policies = table === 'filter' ? ':INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n' : '';
        return `*${table}\n${policies}COMMIT\n`;
      });
      realRun([`${stem}-${backend}-restore`], payload.join(''));
    }
  }
  let before: (() => void) | undefined;
  const run: Run = (argv, input) => {
    if (argv[0]?.endsWith('-restore') === true && before !== undefined) {
      const action = before;
      before = undefined;
      action();
    }
    return realRun(argv, input);
  };
  return {
    run,
    beforeNextRestore: (action) => {
      before = action;
    },
  };
}

/** Runs a command that must succeed, and returns its output. */
export function must(command: string, input?: string): string {
  const { status, stdout, stderr } = realRun(command.split(' '), input);
  if (status !== 0) {
    throw new Error(`${command}: status ${status}: ${stderr}`);
  }
  return stdout;
}
