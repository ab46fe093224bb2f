import { CniError, ErrorCode } from '../error.ts';

/** JSON.rawJSON and the reviver's context: ES2026, in Node since 21. */
interface ExactJson {
  rawJSON?: (text: string) => object;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context?: { source?: string }) => unknown,
  ): unknown;
}

/**
 * Parses JSON so that JSON.stringify gives integers beyond 2^53 back as they were: a runtime hands on keys
 * that it does not know unaltered.
 *
 * @throws CniError 6 naming `what`.
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
