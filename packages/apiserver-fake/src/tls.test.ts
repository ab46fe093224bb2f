import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeCa, makeServerCertificate } from './tls.ts';

test('makeServerCertificate() issues a certificate for names and addresses of both families', () => {
  const ca = makeCa();
  const hosts = ['10.0.0.1', 'fd00::1', '2001:db8:1:2:3:4:5:6', '::ffff:192.0.2.1', 'localhost'];
  const certificate = new X509Certificate(makeServerCertificate(ca, hosts).cert);
  const authority = new X509Certificate(ca.cert);
  expect(authority.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.verify(authority.publicKey)).toBe(true);
  expect(certificate.checkIssued(authority)).toBe(true);
  expect(hosts.slice(0, 4).map((host) => certificate.checkIP(host))).toEqual(hosts.slice(0, 4));
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('10.0.0.2')).toBeUndefined();
});

test('makeCa() creates authorities that do not verify certificates of each other', () => {
  const certificate = new X509Certificate(makeServerCertificate(makeCa(), ['localhost']).cert);
  expect(certificate.verify(new X509Certificate(makeCa().cert).publicKey)).toBe(false);
});
