/**
 * A conformance suite for CNI plugins in any language, as a library. The command is `cnikit-cni`.
 *
 * ```ts
 * import { type Conformance, junitOf } from '@cnikit/cni';
 *
 * const conformance: Conformance = { plugin: '/opt/cni/bin/mine', kind: 'interface', versions: ['1.1.0'], findings: [] };
 * console.log(junitOf(conformance));
 * ```
 */

export type { Finding, Level, Verdict } from './conformance/outcome.ts';
export { junitOf, lineOf, summaryOf } from './conformance/report.ts';
export { type Conformance, type ConformanceOptions, runConformance } from './conformance/run.ts';
export { inSandbox } from './conformance/sandbox.ts';
