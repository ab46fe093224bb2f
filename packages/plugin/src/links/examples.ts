/** Values of the examples for templates. Their bytes occur nowhere else in the requests. */

/** Index of a link. */
export const INDEX = 0x7d3c5a1e;
/** Index of another link. */
export const MASTER = 0x6b4d2f1c;
export const MAC = '7a:c5:3e:91:d4:e8';
/** MAC address of the other end. */
export const PEER_MAC = '6e:b7:59:2d:83:f4';
export const GROUP = 0x5f3e1d2b;
export const MTU = 0x4e2d3c1b;
/** Names as long as the host end's, and as the usual one of the pod's end. */
export const HOST_NAME = 'hostendofthepod';
export const POD_NAME = 'pod0';
export const IPV4 = '77.203.141.89';
export const IPV6 = 'd5c3:b197:8f7d:6b59:a7e2:c4f6:9db8:e3f1';
