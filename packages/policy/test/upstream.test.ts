import { expect, test } from 'vitest';
import { compile, decide, readCluster } from '../src/index.ts';
import { passes } from './interpreter.ts';
import { addressesOf, objectsOf, PODS, type Question, UPSTREAM } from './upstream.ts';

const QUESTIONS = PODS.flatMap((from) =>
  PODS.filter((to) => to !== from).flatMap((to) =>
    (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
      [80, 81].map((port): Question => ({ from, to, protocol, port })),
    ),
  ),
);

test.each(UPSTREAM.map((one) => [one.title, one] as const))('decide() follows upstream case %s', (_, one) => {
  const cluster = readCluster(objectsOf(one));
  const wrong = QUESTIONS.filter(
    (question) =>
      decide(cluster, question.from, question.to, question.protocol, question.port).allowed ===
      one.denies(question),
  );
  expect(wrong).toEqual([]);
});

test.each(UPSTREAM.map((one) => [one.title, one] as const))(
  'compile() follows upstream case %s',
  (_, one) => {
    const ruleset = compile(readCluster(objectsOf(one)), 'n1');
    const wrong = (['ipv4', 'ipv6'] as const).flatMap((family) =>
      QUESTIONS.filter((question) => {
        const packet = {
          source: addressesOf(question.from)[family],
          destination: addressesOf(question.to)[family],
          protocol: question.protocol,
          port: question.port,
        };
        const allowed = passes(ruleset, 'egress', packet, []) && passes(ruleset, 'ingress', packet, []);
        return allowed === one.denies(question);
      }),
    );
    expect(wrong).toEqual([]);
  },
);
