import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorFromAnswer } from './errors.ts';
import { Formats } from './format.ts';

interface Golden {
  request: string;
  status: number;
  json: { message: string };
  protobuf: string;
}
const { watch, answers } = JSON.parse(
  readFileSync(new URL('../test/goldens/protobuf-errors.json', import.meta.url), 'utf8'),
) as { watch: Golden; answers: Golden[] };

const formats = new Formats({ spec: true }, { spec: [2, {}] }, 1e6);
const JSON_FORMAT = formats.of('application/json');
const PROTOBUF = formats.of('application/vnd.kubernetes.protobuf');

test.each([
  [410, 'EXPIRED', undefined],
  [504, 'EXPIRED', 1000],
  [429, 'HTTP', 10_000],
])("Formats read kube-apiserver's error %i in protobuf as in JSON", (status, code, retryAfterMs) => {
  const { json, protobuf } = answers.find((one) => one.status === status)!;
  const body = PROTOBUF.status(Buffer.from(protobuf, 'base64'));
  const error = errorFromAnswer(status, body, undefined, 0);
  expect(error).toMatchObject({ code, status, retryAfterMs });
  expect(error.message).toContain(json.message);
  const fromJson = errorFromAnswer(
    status,
    JSON_FORMAT.status(Buffer.from(JSON.stringify(json))),
    undefined,
    0,
  );
  expect({ ...error, message: error.message }).toEqual({ ...fromJson, message: fromJson.message });
});

test("Formats read kube-apiserver's ERROR event in protobuf as in JSON", () => {
  const read = ({ watch: start }: typeof PROTOBUF, bytes: Buffer) => {
    const { splitter, read: event } = start();
    return [...splitter.push(bytes)].map((one) => event(one));
  };
  const events = read(PROTOBUF, Buffer.from(watch.protobuf, 'base64'));
  expect(events).toMatchObject([{ type: 'ERROR', error: { code: 'EXPIRED', status: 410 } }]);
  expect(events).toEqual(read(JSON_FORMAT, Buffer.from(`${JSON.stringify(watch.json)}\n`)));
});
