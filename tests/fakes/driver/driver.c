/* Lines, clock and faults of a scenario. The statements stand in README.md. */
#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef enum { RETURN_CODE, HANG, LOST } fault_kind_t;

typedef struct {
    fault_kind_t kind;
    int device;
    char call[TEXT_MAX]; /* "*": every call */
    int code;
    int deep;    /* a hang that no signal ends: the kernel shows D */
    int session; /* a hang of processes alone that loaded the library before it began */
    span_t span;
} fault_t;

typedef struct {
    char call[TEXT_MAX];
    int spin; /* burn the time instead of sleeping through it */
    int64_t microseconds;
} latency_t;

static const driver_t *driver;
static const char *scenario_path;
static int line_number;
static int64_t start_boottime_ms = -1;
static const volatile int64_t *control_ms;
static int64_t loaded_ms;
static int device_count;
static size_t fault_count, latency_count;
static fault_t faults[FAULTS_MAX];
static latency_t latencies[LATENCIES_MAX];

void driver_refuse(const char *why) {
    fprintf(stderr, "fake %s: %s:%d: %s\n", driver->library, scenario_path, line_number, why);
    exit(70);
}

void *driver_grown(void *first, size_t *count, size_t limit, size_t size) {
    if (*count >= limit) driver_refuse("too many of these");
    return (char *)first + size * (*count)++;
}

/* "-" is for ever (or: not told); everything else a decimal integer. */
int64_t driver_instant(const char *text) {
    if (!strcmp(text, "-")) return FOREVER;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text) driver_refuse("expected milliseconds or -");
    return value;
}

uint64_t driver_bytes_or_untold(const char *text) {
    return strcmp(text, "-") ? strtoull(text, NULL, 10) : UINT64_MAX;
}

int driver_device(const char *text) {
    if (!strcmp(text, "*")) return ALL_DEVICES;
    int number = atoi(text);
    if (number < 0 || number >= DEVICES_MAX) driver_refuse("device number out of range");
    if (number >= device_count) device_count = number + 1;
    return number;
}

int driver_device_count(void) { return device_count; }

static void parse_control(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) driver_refuse("cannot open the control file");
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) driver_refuse("cannot map the control file");
    control_ms = mapped;
}

/* As a driver's library holds its devices: until the process ends, and over exec, which it forgot
 * to forbid. */
static void hold_open(const char *path) {
    if (open(path, O_RDWR) < 0) driver_refuse("cannot open the device file");
}

static void parse_fault(fault_kind_t kind, const char *rest) {
    char number[16], call[TEXT_MAX] = "*", code[16] = "0", from[24], to[24], manner[8] = "";
    int whole = kind == RETURN_CODE ? sscanf(rest, "%15s %95s %15s %23s %23s", number, call, code, from, to) == 5
                : kind == HANG      ? sscanf(rest, "%15s %95s %23s %23s %7s", number, call, from, to, manner) >= 4
                                    : sscanf(rest, "%15s %23s %23s", number, from, to) == 3;
    if (!whole) driver_refuse("error N CALL CODE FROM TO, hang N CALL FROM TO [deep|session], or lost N FROM TO");
    fault_t *fault = driver_grown(faults, &fault_count, FAULTS_MAX, sizeof(fault_t));
    fault->kind = kind;
    fault->deep = !strcmp(manner, "deep");
    fault->session = !strcmp(manner, "session");
    fault->device = driver_device(number);
    fault->code = kind == LOST ? driver->lost_code : atoi(code);
    fault->span = (span_t){driver_instant(from), driver_instant(to)};
    snprintf(fault->call, TEXT_MAX, "%s", call);
}

static void parse_latency(const char *rest) {
    char manner[16];
    latency_t *latency = driver_grown(latencies, &latency_count, LATENCIES_MAX, sizeof(latency_t));
    if (sscanf(rest, "%15s %" SCNd64 " %95s", manner, &latency->microseconds, latency->call) != 3)
        driver_refuse("latency spin|sleep MICROSECONDS CALL");
    latency->spin = !strcmp(manner, "spin");
    if (!latency->spin && strcmp(manner, "sleep")) driver_refuse("a latency spins or sleeps");
}

static void parse_line(const char *line) {
    char word[32];
    int taken = 0;
    if (sscanf(line, "%31s %n", word, &taken) != 1 || word[0] == '#') return;
    const char *rest = line + taken;
    if (!strcmp(word, "start_boottime_ms")) start_boottime_ms = driver_instant(rest);
    else if (!strcmp(word, "control")) parse_control(rest);
    else if (!strcmp(word, "error")) parse_fault(RETURN_CODE, rest);
    else if (!strcmp(word, "hang")) parse_fault(HANG, rest);
    else if (!strcmp(word, "lost")) parse_fault(LOST, rest);
    else if (!strcmp(word, "latency")) parse_latency(rest);
    else if (!strcmp(word, "opens")) hold_open(rest);
    else if (!driver->statement(word, rest)) driver_refuse("no such word");
}

void driver_load(const driver_t *loaded) {
    static char unset[TEXT_MAX];
    driver = loaded;
    snprintf(unset, sizeof unset, "(%s is not set)", driver->variable);
    scenario_path = getenv(driver->variable);
    if (!scenario_path) scenario_path = unset;
    FILE *file = fopen(scenario_path, "re");
    if (!file) driver_refuse(strerror(errno));
    char line[1024];
    while (fgets(line, sizeof line, file)) {
        line_number++;
        line[strcspn(line, "\n")] = 0;
        parse_line(line);
    }
    fclose(file);
    if (start_boottime_ms < 0 && !control_ms) driver_refuse("neither start_boottime_ms nor control is given");
    loaded_ms = driver_now_ms();
}

int64_t driver_now_ms(void) {
    if (control_ms) return *control_ms;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - start_boottime_ms;
}

int span_holds(span_t span, int64_t now_ms) { return span.from_ms <= now_ms && now_ms < span.to_ms; }

static void burn(int64_t microseconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + microseconds * 1000;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec < end);
}

void driver_take_time(const char *call) {
    const latency_t *chosen = NULL;
    for (size_t i = 0; i < latency_count; i++) {
        const latency_t *latency = &latencies[i];
        if (!strcmp(latency->call, call)) { chosen = latency; break; }
        if (!chosen && !strcmp(latency->call, "*")) chosen = latency;
    }
    if (!chosen) return;
    if (chosen->spin) burn(chosen->microseconds);
    else usleep((useconds_t)chosen->microseconds);
}

static int matches(const fault_t *fault, const char *call, int device) {
    if (fault->kind == LOST && device == ALL_DEVICES) return 0;
    return (fault->device == ALL_DEVICES || fault->device == device) &&
           (!strcmp(fault->call, "*") || !strcmp(fault->call, call)) && span_holds(fault->span, driver_now_ms());
}

static const fault_t *hangs(const char *call, int device) {
    for (size_t i = 0; i < fault_count; i++)
        if (faults[i].kind == HANG && matches(&faults[i], call, device) &&
            !(faults[i].session && loaded_ms >= faults[i].span.from_ms))
            return &faults[i];
    return NULL;
}

void driver_wait_while_hung(const char *call, int device) {
    const fault_t *hang = hangs(call, device);
    if (hang && hang->deep) {
        /* A thread that waits for its vfork child waits as one in a stuck driver does. */
        pid_t child = vfork();
        if (!child) {
            while (hangs(call, device)) usleep(2000);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    while (hangs(call, device)) usleep(2000);
}

int driver_injected_code(const char *call, int device) {
    for (size_t i = 0; i < fault_count; i++)
        if (faults[i].kind != HANG && matches(&faults[i], call, device)) return faults[i].code;
    return 0;
}
