import {
  AGENT_REPAIRS,
  AGENT_SAVES_NODES,
  AGENT_WRITES_READINESS,
  type Check,
  type Finding,
  failure,
  warning,
} from '../finding.ts';

export const readiness: Check = {
  name: 'readiness',
  good: ({ stateFiles: { path } }) => `${path} reports that this node is ready.`,
  find: ({ stateFiles: { path, readiness: file, savedPath, saved }, agent }) => {
    const findings: Finding[] = [];
    const fix = agent === undefined ? AGENT_WRITES_READINESS : AGENT_REPAIRS;
    if (file === undefined) {
      findings.push(
        failure(
          `${path} does not exist or is unreadable, so STATUS of the plugin fails and container runtimes that send it report the node as not ready.`,
          fix,
        ),
      );
    } else if (!file.ready) {
      findings.push(
        failure(
          `${path} reports that this node is not ready: ${file.reason}.`,
          'Fix the cause; the agent then rewrites the file by itself.',
        ),
      );
    } else if (agent?.ready === false) {
      findings.push(
        failure(
          `${path} reports that this node is ready, but the running agent reports that it is not.`,
          AGENT_REPAIRS,
        ),
      );
    }
    if (!saved) {
      findings.push(
        warning(
          `${savedPath} does not exist or is invalid, so an agent that starts while the API server is unreachable knows no nodes.`,
          agent === undefined ? AGENT_SAVES_NODES : AGENT_REPAIRS,
        ),
      );
    }
    return findings;
  },
};
