/** Returns `compute` with its last result kept: the addresses of a pod follow each other. */
export function keepLast<K, T>(compute: (key: K) => T): (key: K) => T {
  let last: { key: K; result: T } | undefined;
  return (key) => {
    if (last?.key !== key) {
      last = { key, result: compute(key) };
    }
    return last.result;
  };
}
