/*
 * Times programs from fork to exit, without an interpreter's weight around them.
 *
 * Reads one run a line from standard input, tab-separated: a group, the program, a file
 * for its standard input, a file with a prevResult or nothing, a file with its
 * environment (NUL after each entry), a file for its standard output. The first
 * file is a JSON object without the brace at its end, since prevResult comes before that.
 * Neighbouring lines of one group that is not "-" run at the same time.
 *
 * Answers each with "STATUS WALL_NS CPU_US MAXRSS_KB MINOR_FAULTS GROUP_NS" on a line of its
 * own: the last from the group's first fork to its last exit.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ENV = 64, MAX_ENV_BYTES = 8192, MAX_GROUP = 128, FIELDS = 6 };

struct run {
    char *line, *program;
    char env_bytes[MAX_ENV_BYTES];
    char *env[MAX_ENV + 1];
    int in, out, status;
    pid_t pid;
    long long start, wall;
    struct rusage usage;
};

static struct run runs[MAX_GROUP];

static void die(const char *what) {
    perror(what);
    exit(2);
}

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void put(int to, const char *text, size_t length) {
    if (write(to, text, length) != (ssize_t)length) die("memfd");
}

static void put_file(int to, const char *path) {
    char bytes[65536];
    ssize_t length;
    int fd = open(path, O_RDONLY);
    if (fd < 0) die(path);
    while ((length = read(fd, bytes, sizeof bytes)) > 0) put(to, bytes, (size_t)length);
    close(fd);
}

/* Descriptor of the program's standard input. */
static int input_of(const char *object, const char *prev_result) {
    static const char key[] = ",\"prevResult\":";
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0) die("memfd");
    put_file(fd, object);
    if (*prev_result) {
        put(fd, key, sizeof key - 1);
        put_file(fd, prev_result);
    }
    put(fd, "}", 1);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void read_env(struct run *run, const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) die(path);
    ssize_t length = read(fd, run->env_bytes, MAX_ENV_BYTES - 1);
    if (length < 0) die(path);
    close(fd);
    run->env_bytes[length] = 0;
    int count = 0;
    for (char *p = run->env_bytes; p < run->env_bytes + length && count < MAX_ENV; p += strlen(p) + 1)
        run->env[count++] = p;
    run->env[count] = NULL;
}

static void prepare(struct run *run, char *field[FIELDS]) {
    run->program = field[1];
    run->in = input_of(field[2], field[3]);
    read_env(run, field[4]);
    run->out = open(field[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (run->out < 0) die(field[5]);
}

static void start(struct run *run) {
    char *argv[] = {run->program, NULL};
    run->start = now_ns();
    run->pid = vfork();
    if (run->pid < 0) die("vfork");
    if (run->pid == 0) {
        dup2(run->in, 0);
        dup2(run->out, 1);
        execve(run->program, argv, run->env);
        _exit(127);
    }
}

/* Runs what has been prepared, all at once, and says how it went. */
static void finish(int count) {
    for (int i = 0; i < count; i++) start(&runs[i]);
    for (int left = count; left > 0; left--) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, 0, &usage);
        long long now = now_ns();
        if (pid < 0) die("wait4");
        for (int i = 0; i < count; i++) {
            if (runs[i].pid != pid) continue;
            runs[i].wall = now - runs[i].start;
            runs[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            runs[i].usage = usage;
        }
    }
    long long group = now_ns() - (count > 0 ? runs[0].start : 0);
    for (int i = 0; i < count; i++) {
        struct rusage *u = &runs[i].usage;
        long long cpu = (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000LL + u->ru_utime.tv_usec +
                        u->ru_stime.tv_usec;
        printf("%d %lld %lld %ld %ld %lld\n", runs[i].status, runs[i].wall, cpu, u->ru_maxrss, u->ru_minflt,
               count > 1 ? group : runs[i].wall);
        close(runs[i].in);
        close(runs[i].out);
        free(runs[i].line);
    }
    fflush(stdout);
}

int main(void) {
    char *line = NULL, group[64] = "-";
    size_t capacity = 0;
    int count = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        char *copy = strdup(line), *rest = copy, *field[FIELDS];
        copy[strcspn(copy, "\n")] = 0;
        for (int i = 0; i < FIELDS; i++) {
            field[i] = strsep(&rest, "\t");
            if (!field[i]) die("a line has too few fields");
        }
        if (count > 0 && (!strcmp(group, "-") || strcmp(group, field[0]) || count == MAX_GROUP)) {
            finish(count);
            count = 0;
        }
        snprintf(group, sizeof group, "%s", field[0]);
        runs[count].line = copy;
        /* Only now, so that what it reads has been written by the runs before it. */
        prepare(&runs[count++], field);
    }
    finish(count);
    return 0;
}
