import { type Check, failure, warning } from '../finding.ts';

export const agent: Check = {
  name: 'agent',
  good: () => 'The agent runs here and is ready.',
  find: ({ agent: running }) => {
    if (running === undefined) {
      return [
        warning(
          'No agent answers on this node. What is set up stays, and nothing is followed or repaired.',
          'Start it; if it listens elsewhere, say so by --health-address.',
        ),
      ];
    }
    if (running.ready) {
      return [];
    }
    const why = running.problems.length === 0 ? '' : `: ${running.problems.join(' ')}`;
    return [
      failure(
        `The agent runs, but has not programmed the data path${why}.`,
        'Mend what it says; it tries again by itself.',
      ),
    ];
  },
};
