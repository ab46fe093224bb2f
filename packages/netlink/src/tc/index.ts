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
export {
  ETH_P_ALL,
  handleText,
  TC_H_CLSACT_EGRESS,
  TC_H_CLSACT_INGRESS,
  TC_H_INGRESS,
  TC_H_INGRESS_QDISC,
  TC_H_ROOT,
} from './tc-message.ts';
