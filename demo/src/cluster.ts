import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/testing-apiserver';
import { Lab, type LabNode, type Pod, ROUTER } from '@cnikit/testing-lab';
import { Agent } from './agent.ts';

const RBAC = fileURLToPath(new URL('../../deploy/base/rbac.yaml', import.meta.url));

/** The pods of a node in the order of their names: that in which they came differs. */
export function podsOf(node: LabNode): Pod[] {
  return [...node.pods.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The demo's cluster: the lab's nodes, their Node objects in a real enough API, an agent process on each. */
export class Cluster {
  readonly lab: Lab;
  readonly api: ApiServer;
  readonly agents = new Map<string, Agent>();

  private constructor(lab: Lab, api: ApiServer) {
    this.lab = lab;
    this.api = api;
  }

  /** The network and the API server, which asks of agents exactly the permissions that deploy/ gives them. */
  static async create(): Promise<Cluster> {
    const lab = await Lab.create();
    const api = await startApiServer({ host: ROUTER.ipv4, port: 6443, clusterRoleFile: RBAC });
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
      throw new Error(`There is no node ${name}`);
    }
    return node;
  }

  agent(name: string): Agent {
    const agent = this.agents.get(name);
    if (!agent) {
      throw new Error(`There is no agent on ${name}`);
    }
    return agent;
  }

  /** A machine joins the cluster, as kubelet and the controller that gives out pod networks make it. */
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

  /** Starts the agent on a node, as the DaemonSet would; resolves when the node can run pods. */
  async startAgent(node: LabNode): Promise<void> {
    await this.placeAgent(node).start();
  }

  /** The agent of a node, not started yet. */
  placeAgent(node: LabNode): Agent {
    const agent = this.agents.get(node.name) ?? new Agent(node, this.api.kubeconfig());
    this.agents.set(node.name, agent);
    return agent;
  }

  /** A machine goes for good: no power, and its Node object deleted. */
  async removeNode(name: string): Promise<void> {
    await this.lab.removeNode(name);
    this.agents.delete(name);
    this.api.nodes.delete(name);
  }
}
