import type { Binding } from '../binding.ts';

/** Returns a binding that `load` makes at the first use of one of its functions. */
export function loadedLater(load: () => Binding): Binding {
  const binding: Binding = Object.create(
    new Proxy(
      {},
      {
        get(_, name) {
          Object.assign(binding, load());
          return binding[name as keyof Binding];
        },
      },
    ),
  );
  return binding;
}
