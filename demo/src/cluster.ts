import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { Lab, type LabNode, type Pod, ROUTER } from '@cnikit/testing-lab';
import { Agent } from './agent.ts';

/** Permissions of the agent, and those that enforcing NetworkPolicies adds. */
const RBAC = ['base', 'overlays/network-policy'].map((folder) =>
  fileURLToPath(new URL(`../../deploy/${folder}/rbac.yaml`, import.meta.url)),
);

/** Returns the pods of a node sorted by name; the order of their creation varies. */
export function podsOf(node: LabNode): Pod[] {
  return [...node.pods.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The demo's cluster: the lab's nodes, their Node objects in a test API server, an agent process on each. */
export class Cluster {
  readonly lab: Lab;
  readonly api: ApiServer;
  readonly agents = new Map<string, Agent>();

  private constructor(lab: Lab, api: ApiServer) {
    this.lab = lab;
    this.api = api;
  }

  /** Creates the network and an API server that grants agents exactly the permissions of deploy. */
  static async create(): Promise<Cluster> {
    const lab = await Lab.create();
    const folder = mkdtempSync(join(tmpdir(), 'cnikit-demo-'));
    const rbacFile = join(folder, 'rbac.yaml');
    writeFileSync(rbacFile, RBAC.map((file) => readFileSync(file, 'utf8')).join('\n---\n'));
    const api = await startApiServer({ host: ROUTER.ipv4, port: 6443, rbacFile });
    rmSync(folder, { recursive: true });
    return new Cluster(lab, api);
  }

  get nodes(): LabNode[] {
    return [...this.lab.nodes.values()];
  }

  get pods(): Pod[] {
    return this.nodes.flatMap(podsOf);
  }

  node(name: string): LabNode {
    const node = this.lab.nodes.get(name);
    if (!node) {
      throw new Error(`Unknown node "${name}": the cluster has ${[...this.lab.nodes.keys()].join(', ')}`);
    }
    return node;
  }

  agent(name: string): Agent {
    const agent = this.agents.get(name);
    if (!agent) {
      throw new Error(`Node "${name}" has no agent: call startAgent() first`);
    }
    return agent;
  }

  /** Adds a node and its Node object, as the kubelet and the controller that assigns podCIDRs would. */
  async addNode(name: string, options?: { far: boolean }): Promise<LabNode> {
    const node = await this.lab.addNode(name, options);
    const { ipv4, ipv6 } = node.podCidrs;
    this.api.nodes.put({
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      spec: { podCIDR: ipv4, podCIDRs: [ipv4, ipv6] },
      status: {
        addresses: [
          { type: 'InternalIP', address: node.address.ipv4 },
          { type: 'InternalIP', address: node.address.ipv6 },
          { type: 'Hostname', address: name },
        ],
      },
    });
    return node;
  }

  /** Starts the agent on a node, as the DaemonSet would. Resolves when the node can run pods. */
  async startAgent(node: LabNode): Promise<void> {
    await this.prepareAgent(node).start();
  }

  /** Returns the agent of a node without starting it. */
  prepareAgent(node: LabNode, options?: readonly string[]): Agent {
    const agent = this.agents.get(node.name) ?? new Agent(node, this.api.kubeconfig(), options);
    this.agents.set(node.name, agent);
    return agent;
  }

  /** Cuts the power of a node and deletes its Node object. */
  async removeNode(name: string): Promise<void> {
    await this.lab.removeNode(name);
    this.agents.delete(name);
    this.api.nodes.delete(name);
  }
}
