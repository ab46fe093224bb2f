import { parseArgs } from 'node:util';
import { parseDestination, parseService, type Question, QuestionError } from '../questions/question.ts';

/** Parsed command line. */
export interface Options extends Question {
  command: string;
  paths: string[];
  kubeconfig: string | undefined;
  json: boolean;
  help: boolean;
  version: boolean;
}

/** Output of --help. */
export const USAGE = `Usage: cnikit-policy COMMAND [OPTION...] PATH...

Commands:
  matrix   draw the pods that reach each other: # all ports, + some, . none
  why      print the policies and rules that decide about one connection
  check    print policies without effect; exit with status 1 if there is one
  nft      print the rules of one node as input of nft -f

PATH is a manifest or a folder of manifests, YAML or JSON; - reads standard input. A Deployment or another
workload counts as one pod with its name. Without PATH, --kubeconfig is required.

Options:
  --kubeconfig FILE      read the cluster that FILE names
  --json                 print JSON
  --help, -h             print this text
  --version              print the version

Options of matrix:
  --port PORT[/PROTOCOL] ask for this port, one sign each; default: the ports of the destination's containers
  --namespace NAME       only pods of this namespace; can be repeated
  --with ENDPOINT        add a pod as namespace/name, or an IP address; can be repeated

Options of why:
  --from ENDPOINT        the source: namespace/name of a pod, or an IP address
  --to ENDPOINT:PORT[/PROTOCOL]
                         the destination and its port, [ADDRESS]:PORT for IPv6; /ICMP needs no port

Options of nft:
  --node NAME            the node whose rules to print
  --pod-cidr CIDR        the pod network of the node; can be repeated

Examples:
  cnikit-policy matrix deploy/
  cnikit-policy why --from shop/web --to shop/db:5432 deploy/
  kubectl get pods,namespaces,networkpolicies -A -o yaml | cnikit-policy check -`;

/**
 * Parses the command line.
 *
 * @throws {QuestionError} when an option is unknown or its value is invalid
 */
export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  const [command = '', ...paths] = positionals;
  return {
    command,
    paths,
    kubeconfig: values.kubeconfig,
    from: values.from,
    to: values.to === undefined ? undefined : parseDestination(values.to),
    endpoints: values.with,
    services: values.port?.map((text) => parseService(text)),
    namespaces: values.namespace,
    node: values.node,
    podCIDRs: values['pod-cidr'],
    json: values.json ?? false,
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const texts = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        kubeconfig: text,
        from: text,
        to: text,
        node: text,
        'pod-cidr': texts,
        port: texts,
        namespace: texts,
        with: texts,
        json: flag,
        help: { ...flag, short: 'h' },
        version: flag,
      },
    });
  } catch (error) {
    throw new QuestionError((error as Error).message);
  }
}
