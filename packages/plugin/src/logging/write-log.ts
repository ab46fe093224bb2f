/** Output of log lines. It never blocks: a slow reader loses lines and does not delay pods. */
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

/** A log record. */
export interface LogEntry {
  /** ASCII, without a newline. */
  line: string;
  failed: boolean;
}

/**
 * Writes the line to the log file and syslog, as the configuration requests.
 *
 * @returns a message about each destination that failed
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

/** Appends with a single write, so that lines of two processes do not mix. */
function appendLine(sys: Sys, file: string, line: string): void {
  sys.writeText(file, `${line}\n`, { flags: O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o640 });
}

/** Formats an RFC 3164 message (section 4.1) without the time: the time zone is unknown here, and the receiver adds it. */
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
