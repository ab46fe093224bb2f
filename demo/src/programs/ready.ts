// Exits when the agent of this node reports the data path as ready. Argument: TIMEOUT_MS.

import { argv } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

const deadline = performance.now() + Number(argv[2]);
let answer = 'no response';
while (performance.now() < deadline) {
  try {
    const response = await fetch('http://127.0.0.1:9470/readyz');
    answer = `${response.status}: ${await response.text()}`;
    if (response.ok) {
      process.exit(0);
    }
  } catch {
    // The agent does not listen yet.
  }
  await pause(20);
}
console.error(`/readyz is still not ready: ${answer}`);
process.exit(1);
