/** The scripts that the executable has beside its own and loads when they are needed, by the names it asks for. */
export const lazyScripts = {
  explain: at('explain.lazy.ts'),
  'by-hand': at('by-hand.lazy.ts'),
  'condition-words': at('condition-words.lazy.ts'),
};

function at(name: string): string {
  return new URL(`../src/${name}`, import.meta.url).pathname;
}
