/**
 * Refuses anything but an address of 4 or 16 bytes, such as its text, which JavaScript would read as bytes.
 *
 * @param length number of the bytes that are the address; all when absent
 * @throws {TypeError} with the value
 */
export function checkBytes(value: Uint8Array, length?: number): void {
  if (!(value instanceof Uint8Array)) {
    refuse(JSON.stringify(value));
  }
  const bytes = length ?? value.length;
  if (bytes !== 4 && bytes !== 16) {
    refuse(`of ${bytes} bytes`);
  }
}

function refuse(what: string): never {
  throw new TypeError(`Invalid address ${what}: expected 4 or 16 bytes, as parseAddress() returns them`);
}
