declare const CNIKIT_VERSION: string | undefined;

/** Set by the build. Unbuilt sources have no version. */
export const version: string = typeof CNIKIT_VERSION === 'undefined' ? 'development' : CNIKIT_VERSION;
