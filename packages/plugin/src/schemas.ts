/** Every plugin's schemas in one place, for the generator of guards and for explaining a failure. */
export * from './logging/schema.ts';
export * from './plugins/bandwidth/schema.ts';
export * from './plugins/bridge/schema.ts';
export * from './plugins/cnikit/schema.ts';
export * from './plugins/portmap/schema.ts';
export * from './plugins/ptp/schema.ts';
export * from './plugins/tuning/schema.ts';
