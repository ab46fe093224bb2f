/** The types of the program suffice. The bundler leaves out calls of functions without parameters and statements. */

export function checkBytes(): void {}
