import { expect, test } from 'vitest';
import { type Sys, sys } from './index.ts';

test.each<[string, (sys: Sys) => unknown, string]>([
  [
    'run()',
    (sys) => sys.run(['true'], { evn: {} } as object),
    'run: Unknown option "evn": expected env, input',
  ],
  ['run()', (sys) => sys.run(['true'], 'text' as never), 'run: Invalid options "text": expected an object'],
  [
    'writeText()',
    (sys) => sys.writeText('/proc/self/none', '', { mod: 0o600 } as object),
    'writeText: Unknown option "mod": expected flags, mode',
  ],
])('%s refuses unknown options (%#)', (_, call, message) => {
  expect(() => call(sys)).toThrow(TypeError);
  expect(() => call(sys)).toThrow(message);
});
