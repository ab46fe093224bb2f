/** Measures how long @cnikit/watch takes to read an event of a Node that changes nothing, in JSON and in protobuf. */

import { nodeFields, nodeMessage } from '../../../packages/agent/src/observe/node.ts';
import { encodeEvent, encodeObject } from '../../../packages/apiserver-fake/src/protobuf/envelope.ts';
import { apiVersionOf, Resources } from '../../../packages/apiserver-fake/src/resources.ts';
import { type Format, Formats } from '../../../packages/watch/src/format.ts';
import { median } from '../lib/statistics.ts';
import { nodeObject } from './nodes.ts';

const ROUNDS = 9;
const EVENTS = 2000;
const LIMIT = 1024 * 1024;

export interface Reading {
  form: string;
  /** Size of an event, bytes. */
  bytes: number;
  /** Processor time of an event, microseconds. */
  us: number;
}

/** Reads the same events in both forms in turn. */
export function measureReading(): Reading[] {
  const resource = new Resources().named('nodes');
  const nodes = Array.from({ length: 100 }, (_, at) => {
    const { metadata, ...more } = nodeObject(at);
    const { name, ...rest } = metadata;
    const identity = {
      name,
      uid: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
      resourceVersion: `${1e6 + at}`,
    };
    return {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: { ...identity, ...rest },
      ...more,
    };
  });
  const formats = new Formats(nodeFields, nodeMessage, LIMIT);
  const forms = [
    {
      form: 'JSON',
      format: formats.of('application/json'),
      events: nodes.map((node) => Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object: node })}\n`)),
    },
    {
      form: 'protobuf',
      format: formats.of('application/vnd.kubernetes.protobuf;stream=watch'),
      events: nodes.map((node) => encodeEvent('MODIFIED', encodeObject(resource, node))),
    },
  ];
  const times = forms.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { format, events }] of forms.entries()) {
      times[i]!.push(read(format, events));
    }
  }
  return forms.map(({ form, events }, i) => ({ form, bytes: events[0]!.length, us: median(times[i]!) }));
}

/** Returns the processor time of an event, microseconds. */
function read(format: Format, events: readonly Buffer[]): number {
  const { splitter, read: one } = format.watch();
  const before = process.cpuUsage();
  for (let i = 0; i < EVENTS; i++) {
    for (const bytes of splitter.push(events[i % events.length]!)) {
      one(bytes);
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / EVENTS;
}
