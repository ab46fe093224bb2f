import { expect } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';

export const errors: Requirement[] = [
  {
    id: 'ERR-1',
    level: 'MUST',
    title: 'Each failed run printed one JSON document with a numeric code and a msg (also ERR-2)',
    run(subject) {
      const failures = subject.log.filter(({ exitCode }) => exitCode !== 0);
      for (const failure of failures) {
        const { code, msg } = failure.reply ?? {};
        expect(
          typeof code === 'number' && code >= 0 && typeof msg === 'string',
          `${failure.command}: ${JSON.stringify(failure.stdout.slice(0, 160))}`,
        );
      }
      return `${failures.length} failures`;
    },
  },
  {
    id: 'ERR-1b',
    level: 'SHOULD',
    title: 'The error document has a cniVersion (the reference library leaves it out)',
    run(subject) {
      const failures = subject.log.filter(({ exitCode }) => exitCode !== 0);
      const without = failures.filter(({ reply }) => typeof reply?.cniVersion !== 'string').length;
      expect(without === 0, `${without} of ${failures.length} failures lack it`);
      return `${failures.length} failures`;
    },
  },
  {
    id: 'ERR-3',
    level: 'MUST',
    title: 'No error has a reserved code: 12 to 49, or 52 to 99',
    run(subject) {
      const codes = [
        ...new Set(subject.log.map(({ reply, exitCode }) => (exitCode === 0 ? undefined : reply?.code))),
      ];
      const reserved = codes.filter(
        (code) => typeof code === 'number' && ((code > 11 && code < 50) || (code > 51 && code < 100)),
      );
      expect(reserved.length === 0, `codes ${reserved.join(', ')}`);
      return `codes ${codes.filter((code) => code !== undefined).join(', ')}`;
    },
  },
  {
    id: 'ERR-4',
    level: 'MUST',
    title: 'No run printed an error document and exited 0',
    run(subject) {
      const odd = subject.log.filter(
        ({ exitCode, reply }) => exitCode === 0 && reply && 'code' in reply && 'msg' in reply,
      );
      expect(odd.length === 0, `${odd.length} of ${subject.log.length} runs`);
      return `${subject.log.length} runs`;
    },
  },
];
