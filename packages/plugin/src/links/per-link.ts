import type { Request } from '@cnikit/netlink';

/** Stands for the index of a link in a template. No other field of a request has this value. */
const INDEX = 0x7d3c5a1e;

/**
 * Returns a function that makes requests which depend only on the index of a link. They are encoded once: the static
 * executable contains the result, while encoding takes it up to 100,000 instructions each.
 *
 * @param make returns the requests for an index
 */
export function perLink(make: (index: number) => readonly Request[]): (index: number) => Request[] {
  const templates = make(INDEX).map((request) => ({ request, offsets: offsetsOf(request.payload) }));
  return (index) =>
    templates.map(({ request, offsets }) => {
      const payload = request.payload.slice();
      for (const at of offsets) {
        new DataView(payload.buffer).setInt32(at, index, true);
      }
      const { type, flags } = request;
      return {
        type,
        flags,
        payload,
        // Only errors need it.
        get describe() {
          return request.describe.replaceAll(`${INDEX}`, `${index}`);
        },
      };
    });
}

function offsetsOf(payload: Uint8Array): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return Array.from({ length: payload.byteLength >> 2 }, (_, i) => 4 * i).filter(
    (at) => view.getInt32(at, true) === INDEX,
  );
}
