/** Where a line goes. None of it waits: a reader who does not read costs lines, and no pod its network. */
import {
  AF_UNIX,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_WRONLY,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  type Sys,
} from '@cnikit/sys';
import type { LogConf } from './schema.ts';

const SYSLOG = '/dev/log';
/** RFC 5424, section 6.2.1: facility daemon, severity informational or error. */
const INFO = (3 << 3) | 6;
const ERROR = (3 << 3) | 3;

/** What is to be logged. */
export interface LogEntry {
  /** ASCII, without a newline. */
  line: string;
  failed: boolean;
}

/**
 * Writes the line to the log file and syslog, as far as the configuration asks.
 *
 * @returns for a person to read: which of them it could not be written to
 */
export function writeLog(sys: Sys, { file, syslog }: LogConf, entry: LogEntry): string {
  let trouble = '';
  const attempt = (where: string, body: () => void) => {
    try {
      body();
    } catch (error) {
      trouble += `Cannot log to ${where}: ${error instanceof Error ? error.message : error}\n`;
    }
  };
  if (file) {
    attempt(file, () => appendLine(sys, file, entry.line));
  }
  const socket = syslog === true ? SYSLOG : syslog || '';
  if (socket !== '') {
    attempt(socket, () => sendDatagram(sys, socket, entry));
  }
  return trouble;
}

/** By one write, so that the lines of two processes do not mix. */
function appendLine(sys: Sys, file: string, line: string): void {
  sys.writeText(file, `${line}\n`, { flags: O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o640 });
}

/** RFC 3164, section 4.1, without the time, which is the receiver's to say: here nobody knows the time zone. */
function sendDatagram(sys: Sys, path: string, { line, failed }: LogEntry): void {
  const text = `<${failed ? ERROR : INFO}>cnikit[${sys.getpid()}]: ${line}`;
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  try {
    sys.connectUnix(fd, path);
    sys.send(
      fd,
      Uint8Array.from(text, (unit) => unit.charCodeAt(0)),
    );
  } finally {
    sys.close(fd);
  }
}
