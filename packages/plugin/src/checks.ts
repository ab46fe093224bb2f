import { interfaceNameProblem } from '@cnikit/cni-spec';

/** Returns true for a valid interface name, and for an empty one, which stands for the default. */
export function isLinkNameOrEmpty(name: string): boolean {
  return name === '' || interfaceNameProblem(name) === undefined;
}
