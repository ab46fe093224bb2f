/** The same by the package `netlink` of npm: a request a route, each waited for, which is all it offers. */
import { createRtNetlink, FlagsNew } from 'netlink';
import { destination, GATEWAY, PROTOCOL, ROUTES, type Times } from './task.ts';

const [AF_INET, RT_TABLE_MAIN, RTN_UNICAST] = [2, 254, 1];

export async function measureNpmNetlink(oif: number): Promise<Times> {
  // It has no close(), and keeps the process alive only while an answer is due.
  const socket = createRtNetlink();
  const bytes = (address: string) => Buffer.from(address.split('.').map(Number));
  const all = Array.from({ length: ROUTES }, (_, i) => i);
  const route = {
    family: AF_INET,
    dstLen: 24,
    table: RT_TABLE_MAIN,
    protocol: PROTOCOL,
    type: RTN_UNICAST,
  };
  const attributes = (i: number) => ({ dst: bytes(destination(i)), gateway: bytes(GATEWAY), oif });
  const time = async (body: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    await body();
    return performance.now() - start;
  };
  const flags = FlagsNew.CREATE | FlagsNew.EXCL;
  return {
    add: await time(async () => {
      for (const i of all) {
        await socket.newRoute(route, attributes(i), { flags });
      }
    }),
    dump: await time(async () => {
      const found = (await socket.getRoutes({ family: AF_INET })).length;
      if (found < ROUTES) {
        throw new Error(`${found} routes where ${ROUTES} belong`);
      }
    }),
    remove: await time(async () => {
      for (const i of all) {
        await socket.delRoute(route, attributes(i));
      }
    }),
  };
}
