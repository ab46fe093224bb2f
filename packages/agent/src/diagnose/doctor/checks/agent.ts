import { type Check, failure, warning } from '../finding.ts';

export const agent: Check = {
  name: 'agent',
  good: () => 'The agent is running and ready.',
  find: ({ agent: running }) => {
    if (running === undefined) {
      return [
        warning(
          'No agent answers on this node. The existing setup stays, but nothing updates or repairs it.',
          'Start the agent. If it serves another address, pass that with --health-address.',
        ),
      ];
    }
    if (running.ready) {
      return [];
    }
    const why = running.problems.length === 0 ? '' : `: ${running.problems.join(' ')}`;
    return [
      failure(
        `The agent is running but has not programmed the data path${why}.`,
        'Fix the cause above; the agent retries by itself.',
      ),
    ];
  },
};
