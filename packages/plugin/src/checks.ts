import { interfaceNameProblem } from '@cnikit/cni-spec';

/** Whether the kernel takes this as an interface name; empty stands for the default. */
export function isLinkNameOrEmpty(name: string): boolean {
  return name === '' || interfaceNameProblem(name) === undefined;
}
