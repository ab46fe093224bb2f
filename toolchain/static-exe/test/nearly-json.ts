/**
 * A script that parses texts which are almost JSON. The engine's parser is that of JavaScript, which has more numbers,
 * escapes and spaces. `add()` notes a result or the name of the error.
 *
 * @param rounds number of random texts of each kind
 */
export const nearlyJson = (rounds: number): string => String.raw`
  const number = (value) => (Object.is(value, -0) ? '-0' : value + ' as a number');
  const show = (value) => JSON.stringify(value, (_, one) => (typeof one === 'number' ? number(one) : one));
  const parse = (json) => {
    // The last two are not plain texts, which have a separate parser.
    for (const text of [json, ' ' + json + '\n', '[' + json + ']', '{"a":' + json + '}', '["\\",' + json + ']', '["\u20ac",' + json + ']'])
      add(() => show(JSON.parse(text)));
    add(() => show(JSON.parse(json, (_, value) => value)));
  };
  const nested = (open, close) => '['.repeat(open) + ']'.repeat(close);
  const numbers = [
    '0', '-0', '-0.0', '00', '-00', '01', '-01', '0.', '.5', '-.5', '1.', '-1.', '1.e5', '1.5e', '1e', '1e+', '1e-', '1E+5', '1e05', '0e1', '-0e-1',
    '+1', '++1', '--1', '-', '- 1', '1 2', '1.2.3', '1e2e3', '1e2.3', '1e400', '-1e400', '1e-400', '5e-324', '1e999999999999', '0e999999999999',
    '1e-999999999999', '123456789012345678901234567890', '9007199254740993', '0.1', '1.7976931348623159e308', '0x10', '0b1', '0o7', '1_000', '1n',
    '1a', '0a', '1e5a', 'Infinity', '-Infinity', 'NaN', '-NaN',
  ];
  const strings = [
    '\ud83d', '\ude00\ud83d', '\ud83d\ude00', '\\ud83d', '\\ude00\\ud83d', '\\ud83d\\ude00', '\\uD83Dx', '\\ud83d\\u0041', '\\ud83d\\u{de00}',
    '\\u{41}', '\\u004', '\\u', '\\u 041', '\\U0041', '\\u00G1', '\\x41', '\\a', '\\v', '\\0', '\\1', '\\8', '\\\n', '\\\r\n', "\\'", '\\', '\\\\', '\\"',
    '\\/\\b\\f\\n\\r\\t\\"\\\\', '\\\u2028', '\\\xe9', '\\\u{1f600}', '\\\0', '\u2028\u2029', 'a\0b', 'a\nb', 'a\tb', '\x1f', '\x7f', '\x80', '\\u0000',
  ].map((text) => '"' + text + '"');
  const others = [
    'undefined', 'True', 'nul', 'nulll', 'true false', 'tru\\u0065', 'null\0', "'a'", '"', '"\\"', '"a', '"\\u00', '\ufeff1', '1\ufeff', '\xa01', '\v1', '\f1',
    '\x851', '\u20281', '/**/1', '1/**/', '1//', '#1', '<!--', '[1,]', '[,]', '[,1]', '[1,,2]', '[1 2]', '{"a":1,}', '{,}', '{a:1}', "{'a':1}", '{1:1}',
    '{null:1}', '{"a":1,"a":2}', '{"a":1,"b":2,"a":{}}', '{"2":1,"1":2}', '{"a" 1}', '{"a":1 "b":2}', '{"a"::1}', '{"a"=1}', '{[]:1}', '[', ']', '{', '}', '[}',
    '{]', '[1', '{"a"', '{"a":', '{"a":1', '1]', '{}}', ',', ':', '', ' ', '\0', '1\0', '(1)', nested(32, 32), nested(33, 33), nested(1000, 1000), nested(1000, 999),
  ];
  [...numbers, ...strings, ...others].forEach(parse);
  const some = (texts, most) => Array.from({ length: 1 + random(most) }, () => any(texts)).join('');
  const inNumbers = [...'-+0012345e.E01.eE-', '0x', '_', 'n'];
  const inStrings = [...'abfnrtuvxUN0123456789{}/ ', "'", '\\', '\\u', '\\ud83d', '\\ude00', '\\u00', '\\"', '\n', '\u2028', '\u20ac', '\x7f'];
  for (let i = 0; i < ${rounds}; i++) {
    parse(some(inNumbers, 7));
    parse('"' + some(inStrings, 5) + '"');
    parse('"\\' + some(inStrings, 4) + '"');
  }`;
