import { chmodSync, readFileSync, writeFileSync } from 'node:fs';

/** An IPAM plugin named `recorder` that logs its calls and returns a fixed result. */
export interface RecordingIpam {
  /** The folder of the plugin, for CNI_PATH. */
  path: string;
  /** Calls so far, as verb and container ID. */
  log(): string[];
  /** The stdin of the last call of a verb. */
  stdin(command: string): unknown;
}

/** @param failing verb for which the plugin returns error 11, "come back" */
export function recordingIpam(dir: string, result: object, failing = ''): RecordingIpam {
  writeFileSync(`${dir}/result.json`, JSON.stringify(result));
  writeFileSync(
    `${dir}/recorder`,
    `#!/bin/sh
cat > ${dir}/stdin.$CNI_COMMAND
echo $CNI_COMMAND $CNI_CONTAINERID >> ${dir}/log
echo heard >&2
if [ "$CNI_COMMAND" = "${failing}" ]; then echo '{"code":11,"msg":"come back"}'; exit 1; fi
if [ "$CNI_COMMAND" = ADD ]; then cat ${dir}/result.json; fi
`,
  );
  chmodSync(`${dir}/recorder`, 0o755);
  return {
    path: dir,
    log: () => readFileSync(`${dir}/log`, 'utf8').trim().split('\n'),
    stdin: (command) => JSON.parse(readFileSync(`${dir}/stdin.${command}`, 'utf8')),
  };
}
