/** A test certificate authority and its server certificates. */
import { isIP } from 'node:net';
import { generate } from 'selfsigned';

export interface Pair {
  cert: string;
  key: string;
}

export async function makeCa(): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: 'cnikit testing CA' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** Issues a server certificate for these IP addresses and names, signed by `ca`. */
export async function makeServerCertificate(ca: Pair, hosts: readonly string[]): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: 'kube-apiserver' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { cert: ca.cert, key: ca.key },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })),
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
