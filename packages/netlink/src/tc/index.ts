export {
  decodeFilter,
  delFilter,
  type Filter,
  type FilterSpec,
  getFilters,
  newFilter,
} from './filter.ts';
export { decodeQdisc, delQdisc, getQdiscs, newQdisc, type Qdisc, type QdiscSpec } from './qdisc.ts';
export type { TbfOptions } from './tbf.ts';
export { handleText } from './tc-message.ts';
