/** Descriptions of ADD by plugin, from the settings that the plugins themselves use. */
import type { CheckedConfig } from '@cnikit/cni-spec';
import { portText } from '../nat/host-port.ts';
import { limitsOf } from '../plugins/bandwidth/settings.ts';
import { bridgeSettings } from '../plugins/bridge/settings.ts';
import { agentSettings } from '../plugins/cnikit/agent-settings.ts';
import { type LayoutSettings, layoutSettings } from '../plugins/cnikit/layout.ts';
import { hostPorts, portmapSettings } from '../plugins/portmap/settings.ts';
import { ptpSettings } from '../plugins/ptp/settings.ts';
import { tuningOf, tuningSettings } from '../plugins/tuning/settings.ts';
import { sysctlFile } from '../plugins/tuning/sysctl-key.ts';
import { backendText, explainBridge, explainPtp, explainRouted } from './explain-attachment.ts';
import { explainAddresses } from './explain-ipam.ts';
import { explainLog } from './explain-log.ts';

type Explain = (raw: CheckedConfig) => string[];

const plugins: Readonly<Record<string, Explain>> = {
  bridge: (raw) => explainBridge(bridgeSettings(raw)),
  cnikit: (raw) => [
    ...explainLayout(layoutSettings(raw)),
    ...explainPorts(raw),
    ...explainBandwidth(raw),
    ...explainAgent(raw),
  ],
  ptp: (raw) => explainPtp(ptpSettings(raw)),
  loopback: () => ["Brings the pod's lo up."],
  'host-local': explainAddresses,
  tuning: explainTuning,
  portmap: (raw) => orElse(explainPorts(raw), 'Maps no port.'),
  bandwidth: (raw) => orElse(explainBandwidth(raw), 'Limits nothing.'),
};

function explainLayout(conf: LayoutSettings): string[] {
  return conf.isRouted ? explainRouted(conf) : explainBridge(conf);
}

/**
 * Describes ADD for the configuration of one plugin.
 *
 * @throws {CniError} when ADD would refuse the configuration
 */
export function explainPlugin(raw: CheckedConfig): string[] {
  const { type = '' } = raw;
  const explain = Object.hasOwn(plugins, type) ? plugins[type] : undefined;
  if (explain === undefined) {
    return [
      type === ''
        ? 'Names no plugin: set "type".'
        : `${type} is another program: it is looked for in CNI_PATH.`,
    ];
  }
  return [...explain(raw), ...explainLog(raw)];
}

function explainTuning(raw: CheckedConfig): string[] {
  const { sysctl, link } = tuningOf(tuningSettings(raw), {}, 'IFNAME');
  const sentences = [...sysctl].map(([file, { value }]) => `Sets ${file} to ${value} in the pod.`);
  for (const [key, value] of Object.entries(link)) {
    sentences.push(`Sets ${key} of the pod's interface to ${value}.`);
  }
  return orElse(sentences, 'Sets nothing.');
}

function explainPorts(raw: CheckedConfig): string[] {
  const settings = portmapSettings(raw);
  const ports = hostPorts(settings);
  if (ports.length === 0) {
    return raw.capabilities?.portMappings ? ['Maps ports of the node to the pod as the runtime asks.'] : [];
  }
  const how = backendText(settings.backend);
  return [
    ...ports.map(
      (port) =>
        `Has the node's port ${portText(port)} lead to port ${port.containerPort} of the pod, by ${how}.`,
    ),
    ...(settings.snat && settings.masqAll
      ? ['Has all that comes by them look as if the node had sent it.']
      : []),
  ];
}

function explainBandwidth(raw: CheckedConfig): string[] {
  const limits = limitsOf(raw);
  if (limits === undefined) {
    return raw.capabilities?.bandwidth ? ['Limits what the pod sends and receives as the runtime asks.'] : [];
  }
  return [
    ...(limits.ingress ? [`Limits what the pod receives to ${speed(limits.ingress)}.`] : []),
    ...(limits.egress
      ? [`Limits what the pod sends to ${speed(limits.egress)}, with a separate ifb device.`]
      : []),
  ];
}

function speed({ rate, burst }: { rate: number; burst: number }): string {
  return `${rate} bytes a second, with bursts of ${burst} bytes`;
}

function explainAgent(raw: CheckedConfig): string[] {
  const { hostSysctls, readinessFile, policySocket } = agentSettings(raw);
  return [
    ...Object.entries(hostSysctls).map(
      ([key, value]) => `Sets ${sysctlFile(key, 'IFNAME')} to ${value} on the node, unless it is.`,
    ),
    ...(readinessFile === '' ? [] : [`STATUS says 50 until ${readinessFile} says that the agent is ready.`]),
    ...(policySocket === ''
      ? []
      : [`Reports the pod to ${policySocket} and waits at most 2 s for its network policies.`]),
  ];
}

function orElse(sentences: string[], otherwise: string): string[] {
  return sentences.length > 0 ? sentences : [otherwise];
}
