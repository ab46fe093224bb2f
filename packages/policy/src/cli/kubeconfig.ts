import type { KubeConfigLike } from '@cnikit/watch';

/**
 * Reads a kubeconfig.
 *
 * @throws {Error} when @kubernetes/client-node is not installed, or the file is not a kubeconfig
 */
export async function readKubeconfig(file: string): Promise<KubeConfigLike> {
  const { KubeConfig } = await import('@kubernetes/client-node').catch((error: unknown) => {
    throw new Error('--kubeconfig needs the package @kubernetes/client-node: install it', { cause: error });
  });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  return kubeConfig;
}
