declare const CNIKIT_VERSION: string | undefined;

/** Put in by the build; sources that run unbuilt have none. */
export const version: string = typeof CNIKIT_VERSION === 'undefined' ? 'development' : CNIKIT_VERSION;
