/** A test certificate authority and its server certificates (RFC 5280), valid from yesterday for ten years. */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, der, octets, oid, sequence, TRUE, time } from './der.ts';

export interface Pair {
  /** PEM certificate. */
  cert: string;
  /** PEM private key. */
  key: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** Returns a new certificate authority. */
export function makeCa(): Pair {
  return issue('apiserver-fake CA', undefined, [
    extension('2.5.29.19', sequence(TRUE), true),
    // keyCertSign and cRLSign
    extension('2.5.29.15', bits([0x06], 1), true),
  ]);
}

/** Issues a server certificate for these IP addresses and names, signed by `ca`. */
export function makeServerCertificate(ca: Pair, hosts: readonly string[]): Pair {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? der(0x82, Buffer.from(host)) : der(0x87, addressBytes(host)),
  );
  return issue('kube-apiserver', ca, [
    extension('2.5.29.19', sequence(), true),
    // digitalSignature
    extension('2.5.29.15', bits([0x80], 7), true),
    // serverAuth
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', sequence(...names)),
  ]);
}

function issue(subject: string, ca: Pair | undefined, extensions: readonly Buffer[]): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const issuerKey = ca ? new X509Certificate(ca.cert).publicKey.export({ type: 'spki', format: 'der' }) : key;
  const now = Date.now();
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    // A serial number is positive.
    der(0x02, [1], randomBytes(8)),
    ECDSA_WITH_SHA256,
    distinguishedName(ca ? 'apiserver-fake CA' : subject),
    sequence(time(new Date(now - DAY_MS)), time(new Date(now + 3650 * DAY_MS))),
    distinguishedName(subject),
    key,
    der(
      0xa3,
      sequence(
        ...extensions,
        extension('2.5.29.14', octets(keyIdentifier(key))),
        extension('2.5.29.35', sequence(der(0x80, keyIdentifier(issuerKey)))),
      ),
    ),
  );
  const signature = sign('sha256', body, ca ? createPrivateKey(ca.key) : privateKey);
  return {
    cert: pem(sequence(body, ECDSA_WITH_SHA256, bits(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [TRUE] : []), octets(value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(commonName)))));
}

function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha1').update(spki).digest();
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Returns the bytes of an IP address in network order. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) {
    return Buffer.from(address.split('.').map(Number));
  }
  // URL writes an embedded IPv4 address as two groups.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = text
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of groups.entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  }
  return bytes;
}
