import { CniError, ErrorCode } from '../error.ts';

/** JSON.rawJSON and the context of revivers (ES2026, Node 21). */
interface ExactJson {
  rawJSON?: (text: string) => object;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context?: { source?: string }) => unknown,
  ): unknown;
}

/**
 * Parses JSON so that JSON.stringify() writes integers above 2^53 unchanged: a runtime must pass on unknown
 * keys as they are.
 *
 * @throws {CniError} 6 with the name `what` for invalid JSON
 */
export function parseExact(text: string, what: string): unknown {
  const { rawJSON, parse } = JSON as unknown as ExactJson;
  try {
    return parse(text, (_key, value, context) => {
      const big = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
      return big && rawJSON && context?.source ? rawJSON(context.source) : value;
    });
  } catch (cause) {
    throw new CniError(ErrorCode.DecodingFailure, `Cannot decode ${what}: ${(cause as Error).message}`, '', {
      cause,
    });
  }
}
