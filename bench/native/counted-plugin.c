/*
 * Stands in for a CNI plugin: runs the plugin of the same name from /opt/cni/bin and counts what it costs.
 *
 * The plugin joins the control group of ".procs" beside this program, so that the processor time of all its
 * processes, also of those that outlive it, adds up there. Its name, its command and the bytes that it wrote go to
 * ".log" beside this program, one line each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char REAL[] = "/opt/cni/bin";

static int open_beside(const char *program, const char *name, int flags)
{
	char path[PATH_MAX];
	const char *slash = strrchr(program, '/');
	int length = slash == NULL ? 0 : (int)(slash - program) + 1;

	snprintf(path, sizeof path, "%.*s%s", length, program, name);
	return open(path, flags, 0600);
}

/* Returns the bytes that a process which has ended, but is not reaped, passed to write(). */
static unsigned long long written(pid_t pid)
{
	char path[64], text[512];
	unsigned long long bytes = 0;

	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	ssize_t got = read(file, text, sizeof text - 1);
	close(file);
	if (got <= 0)
		return 0;
	text[got] = 0;
	const char *line = strstr(text, "wchar: ");
	if (line != NULL)
		sscanf(line, "wchar: %llu", &bytes);
	return bytes;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	const char *command = getenv("CNI_COMMAND");
	char real[PATH_MAX], line[256];
	siginfo_t ended;
	int status = 0;

	(void)argc;
	snprintf(real, sizeof real, "%s/%s", REAL, name);
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		int procs = open_beside(argv[0], ".procs", O_WRONLY | O_CLOEXEC);
		if (procs < 0 || write(procs, "0", 1) != 1) {
			perror("counted-plugin: cannot join the control group");
			return 1;
		}
		execv(real, argv);
		perror(real);
		return 1;
	}
	/* WNOWAIT leaves /proc/PID readable until the process is reaped. */
	waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT);
	unsigned long long bytes = written(pid);
	waitpid(pid, &status, 0);
	int log = open_beside(argv[0], ".log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC);
	if (log >= 0) {
		int length = snprintf(line, sizeof line, "%s %s %llu\n", name, command == NULL ? "-" : command, bytes);
		if (write(log, line, (size_t)length) != length)
			perror("counted-plugin: cannot log");
		close(log);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
