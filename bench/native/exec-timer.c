/*
 * Times programs from fork to exit, without an interpreter's weight around them.
 *
 * Reads one run a line from standard input, as tab-separated paths: the
 * program, a file for its standard input, a file with its environment (NUL
 * after each entry), a file for its standard output. Answers each with
 * "STATUS WALL_NS CPU_US MAXRSS_KB" on a line of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ENV = 256, MAX_ENV_BYTES = 65536 };

static void die(const char *what) {
    perror(what);
    exit(2);
}

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void read_env(const char *path, char *bytes, char **env) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) die(path);
    ssize_t length = read(fd, bytes, MAX_ENV_BYTES - 1);
    if (length < 0) die(path);
    close(fd);
    bytes[length] = 0;
    int count = 0;
    for (char *p = bytes; p < bytes + length && count < MAX_ENV; p += strlen(p) + 1) env[count++] = p;
    env[count] = NULL;
}

int main(void) {
    static char bytes[MAX_ENV_BYTES];
    static char *env[MAX_ENV + 1];
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *program = strtok(line, "\t"), *input = strtok(NULL, "\t");
        char *environment = strtok(NULL, "\t"), *output = strtok(NULL, "\t");
        if (!output) {
            fprintf(stderr, "A line needs program, input, environment and output\n");
            return 2;
        }
        read_env(environment, bytes, env);
        int in = open(input, O_RDONLY | O_CLOEXEC);
        if (in < 0) die(input);
        int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (out < 0) die(output);
        char *argv[] = {program, NULL};
        long long start = now_ns();
        pid_t pid = vfork();
        if (pid < 0) die("vfork");
        if (pid == 0) {
            dup2(in, 0);
            dup2(out, 1);
            execve(program, argv, env);
            _exit(127);
        }
        int status;
        struct rusage usage;
        if (wait4(pid, &status, 0, &usage) < 0) die("wait4");
        long long wall = now_ns() - start;
        close(in);
        close(out);
        long long cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
                        usage.ru_stime.tv_usec;
        printf("%d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall, cpu,
               usage.ru_maxrss);
        fflush(stdout);
    }
    return 0;
}
