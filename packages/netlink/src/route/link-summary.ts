import { type Payload, readI32, readU32 } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import { IFF_UP } from './constants.ts';
import { IFINFOMSG_SIZE, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, linkTable } from './link-attributes.ts';
import type { LinkBase } from './link-types.ts';

const [IFLA_ADDRESS] = linkTable.mac;
const [IFLA_LINK] = linkTable.link;
const [IFLA_GROUP] = linkTable.group;

const WANTED: (true | undefined)[] = [];
for (const type of [IFLA_IFNAME, IFLA_ADDRESS, IFLA_LINK, IFLA_GROUP, IFLA_LINKINFO]) {
  WANTED[type] = true;
}

/** The properties that identify a link, out of the sixty that the kernel sends. */
export interface LinkSummary extends Pick<LinkBase, 'index' | 'name' | 'flags' | 'up' | 'mac' | 'link'> {
  group?: number;
  kind?: string;
}

/**
 * Decodes only the properties that identify a link, for a tenth of the work of `decodeLink()`. Throws NetlinkDecodeError only.
 */
export function decodeLinkSummary(payload: Payload): LinkSummary {
  const little = payload.order === 'little';
  const flags = readU32(payload.bytes, payload.start + 8, little);
  const reader = attributesAfter(payload, IFINFOMSG_SIZE, 'ifinfomsg');
  const link: LinkSummary = {
    index: readI32(payload.bytes, payload.start + 4, little),
    name: '',
    flags,
    up: (flags & IFF_UP) !== 0,
  };
  while (reader.nextOf(WANTED)) {
    switch (reader.type) {
      case IFLA_IFNAME:
        link.name = reader.string();
        break;
      case IFLA_ADDRESS:
        link.mac = reader.mac();
        break;
      case IFLA_LINK:
        link.link = reader.u32('IFLA_LINK');
        break;
      case IFLA_GROUP:
        link.group = reader.u32('IFLA_GROUP');
        break;
      case IFLA_LINKINFO: {
        const info = reader.attributes('IFLA_LINKINFO');
        while (info.next()) {
          if (info.type === IFLA_INFO_KIND) {
            link.kind = info.string();
          }
        }
        break;
      }
    }
  }
  return link;
}
