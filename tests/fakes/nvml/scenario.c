/* Parsing of the scenario file, its clock and its arithmetic. The format stands in README.md. */
#define _GNU_SOURCE
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static scenario_t scenario;
static int64_t start_boottime_ms = -1;
static const volatile int64_t *control_ms;

static const char *scenario_path;
static int line_number;

static void refuse(const char *why) {
    fprintf(stderr, "fake libnvidia-ml: %s:%d: %s\n", scenario_path, line_number, why);
    exit(70);
}

static void *grown(void *first, size_t *count, size_t limit, size_t size) {
    if (*count >= limit) refuse("too many of these");
    return (char *)first + size * (*count)++;
}

/* "-" is for ever (or: not told); everything else a decimal integer. */
static int64_t instant(const char *text) {
    if (!strcmp(text, "-")) return FOREVER;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text) refuse("expected milliseconds or -");
    return value;
}

static uint64_t bytes_or_untold(const char *text) {
    return strcmp(text, "-") ? strtoull(text, NULL, 10) : UINT64_MAX;
}

static int device_number(const char *text) {
    if (!strcmp(text, "*")) return ALL_DEVICES;
    int number = atoi(text);
    if (number < 0 || number >= DEVICES_MAX) refuse("device number out of range");
    if (number >= scenario.device_count) scenario.device_count = number + 1;
    return number;
}

static void parse_control(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) refuse("cannot open the control file");
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) refuse("cannot map the control file");
    control_ms = mapped;
}

static void parse_device(const char *rest) {
    char number[16], field[32];
    int taken = 0;
    if (sscanf(rest, "%15s %31s %n", number, field, &taken) != 2 || !taken) refuse("device N FIELD VALUE");
    device_t *device = &scenario.devices[device_number(number)];
    const char *value = rest + taken;
    uint64_t integer = strtoull(value, NULL, 10);
    if (!strcmp(field, "uuid")) snprintf(device->uuid, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "name")) snprintf(device->name, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "serial")) snprintf(device->serial, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "pci")) snprintf(device->pci, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "memory_bytes")) device->memory_bytes = integer;
    else if (!strcmp(field, "architecture")) device->architecture = (uint32_t)integer;
    else if (!strcmp(field, "power_limit_mw")) device->power_limit_mw = (uint32_t)integer;
    else if (!strcmp(field, "minor")) device->minor = (uint32_t)integer;
    else if (!strcmp(field, "persistence")) device->persistence = (uint32_t)integer;
    else if (!strcmp(field, "mig")) device->mig = (uint32_t)integer;
    else if (!strcmp(field, "temperature")) device->temperature = (uint32_t)integer;
    else if (!strcmp(field, "capability")) {
        if (sscanf(value, "%" SCNu32 ".%" SCNu32, &device->capability_major, &device->capability_minor) != 2)
            refuse("device N capability MAJOR.MINOR");
    } else refuse("no such field of a device");
}

/* States of one device follow each other in the file, in order of time. */
static void parse_state(const char *rest) {
    char number[16];
    state_t state;
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu32, number, &state.from_ms,
               &state.gpu_percent, &state.memory_percent, &state.used_bytes, &state.power_mw) != 6)
        refuse("state N FROM GPU% MEMORY% USED_BYTES POWER_MW");
    device_t *device = &scenario.devices[device_number(number)];
    if (!device->state_count) device->state_first = scenario.state_count;
    else if (device->state_first + device->state_count != scenario.state_count)
        refuse("states of one device must stand together");
    else if (scenario.states[scenario.state_count - 1].from_ms >= state.from_ms)
        refuse("states must stand in order of time");
    *(state_t *)grown(scenario.states, &scenario.state_count, STATES_MAX, sizeof(state_t)) = state;
    device->state_count++;
}

static void parse_process(const char *rest) {
    char number[16], kind[16], used[24], from[24], to[24], instance[16];
    uint32_t pid, sm;
    if (sscanf(rest, "%15s %" SCNu32 " %15s %23s %23s %23s %" SCNu32 " %15s", number, &pid, kind, used, from, to,
               &sm, instance) != 8)
        refuse("process N PID KIND USED_BYTES FROM TO SM% GPU_INSTANCE");
    process_t *process = grown(scenario.processes, &scenario.process_count, PROCESSES_MAX, sizeof(process_t));
    process->device = device_number(number);
    process->pid = pid;
    if (!strcmp(kind, "compute")) process->kind = COMPUTE;
    else if (!strcmp(kind, "graphics")) process->kind = GRAPHICS;
    else if (!strcmp(kind, "mps")) process->kind = MPS;
    else refuse("a process is compute, graphics or mps");
    process->used_bytes = bytes_or_untold(used);
    process->span = (span_t){instant(from), instant(to)};
    process->sm_percent = sm;
    process->gpu_instance = strcmp(instance, "-") ? (uint32_t)atoi(instance) : UINT32_MAX;
}

static void parse_fault(fault_kind_t kind, const char *rest) {
    char number[16], call[TEXT_MAX] = "*", code[16] = "15", from[24], to[24];
    int whole = kind == RETURN_CODE ? sscanf(rest, "%15s %95s %15s %23s %23s", number, call, code, from, to) == 5
                : kind == HANG      ? sscanf(rest, "%15s %95s %23s %23s", number, call, from, to) == 4
                                    : sscanf(rest, "%15s %23s %23s", number, from, to) == 3;
    if (!whole) refuse("error N CALL CODE FROM TO, hang N CALL FROM TO, or lost N FROM TO");
    fault_t *fault = grown(scenario.faults, &scenario.fault_count, FAULTS_MAX, sizeof(fault_t));
    fault->kind = kind;
    fault->device = device_number(number);
    fault->code = atoi(code);
    fault->span = (span_t){instant(from), instant(to)};
    snprintf(fault->call, TEXT_MAX, "%s", call);
}

static void parse_latency(const char *rest) {
    char manner[16];
    latency_t *latency = grown(scenario.latencies, &scenario.latency_count, LATENCIES_MAX, sizeof(latency_t));
    if (sscanf(rest, "%15s %" SCNd64 " %95s", manner, &latency->microseconds, latency->call) != 3)
        refuse("latency spin|sleep MICROSECONDS CALL");
    latency->spin = !strcmp(manner, "spin");
    if (!latency->spin && strcmp(manner, "sleep")) refuse("a latency spins or sleeps");
}

static void parse_partition(const char *rest) {
    char number[16], from[24], to[24];
    partition_t *part = grown(scenario.partitions, &scenario.partition_count, PARTITIONS_MAX, sizeof(partition_t));
    if (sscanf(rest, "%15s %" SCNu32 " %95s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %23s %23s",
               number, &part->slot, part->uuid, &part->gpu_instance, &part->compute_instance, &part->gpu_slices,
               &part->compute_slices, &part->memory_mb, from, to) != 10)
        refuse("mig N SLOT UUID GI CI GPU_SLICES COMPUTE_SLICES MEMORY_MB FROM TO");
    part->device = device_number(number);
    part->span = (span_t){instant(from), instant(to)};
}

static void parse_xid(const char *rest) {
    char number[16];
    xid_t *xid = grown(scenario.xids, &scenario.xid_count, XIDS_MAX, sizeof(xid_t));
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNu64, number, &xid->at_ms, &xid->number) != 3) refuse("xid N AT NUMBER");
    xid->device = device_number(number);
}

static void parse_line(const char *line) {
    char word[32];
    int taken = 0;
    if (sscanf(line, "%31s %n", word, &taken) != 1 || word[0] == '#') return;
    const char *rest = line + taken;
    if (!strcmp(word, "start_boottime_ms")) start_boottime_ms = instant(rest);
    else if (!strcmp(word, "control")) parse_control(rest);
    else if (!strcmp(word, "driver")) snprintf(scenario.driver, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "library")) snprintf(scenario.library, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "cuda")) scenario.cuda = atoi(rest);
    else if (!strcmp(word, "reload")) scenario.reload_ms = instant(rest);
    else if (!strcmp(word, "device")) parse_device(rest);
    else if (!strcmp(word, "state")) parse_state(rest);
    else if (!strcmp(word, "process")) parse_process(rest);
    else if (!strcmp(word, "error")) parse_fault(RETURN_CODE, rest);
    else if (!strcmp(word, "hang")) parse_fault(HANG, rest);
    else if (!strcmp(word, "lost")) parse_fault(LOST, rest);
    else if (!strcmp(word, "latency")) parse_latency(rest);
    else if (!strcmp(word, "mig")) parse_partition(rest);
    else if (!strcmp(word, "xid")) parse_xid(rest);
    else refuse("no such word");
}

const scenario_t *scenario_load(void) {
    scenario.reload_ms = FOREVER;
    scenario_path = getenv("KASHI_FAKE_NVML");
    if (!scenario_path) scenario_path = "(KASHI_FAKE_NVML is not set)";
    FILE *file = fopen(scenario_path, "re");
    if (!file) refuse(strerror(errno));
    char line[1024];
    while (fgets(line, sizeof line, file)) {
        line_number++;
        line[strcspn(line, "\n")] = 0;
        parse_line(line);
    }
    fclose(file);
    if (start_boottime_ms < 0 && !control_ms) refuse("neither start_boottime_ms nor control is given");
    return &scenario;
}

int64_t scenario_now_ms(void) {
    if (control_ms) return *control_ms;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - start_boottime_ms;
}

int span_holds(span_t span, int64_t now_ms) { return span.from_ms <= now_ms && now_ms < span.to_ms; }

const state_t *device_state(const scenario_t *from, int number, int64_t now_ms) {
    static const state_t nothing = {0};
    const device_t *device = &from->devices[number];
    const state_t *found = &nothing;
    for (size_t i = 0; i < device->state_count; i++) {
        const state_t *state = &from->states[device->state_first + i];
        if (state->from_ms > now_ms) break;
        found = state;
    }
    return found;
}

uint64_t device_energy_mj(const scenario_t *from, int number, int64_t now_ms) {
    const device_t *device = &from->devices[number];
    int64_t loaded_ms = now_ms >= from->reload_ms ? from->reload_ms : 0;
    uint64_t microjoules = 0; /* mW times ms */
    for (size_t i = 0; i < device->state_count; i++) {
        const state_t *state = &from->states[device->state_first + i];
        int64_t end = i + 1 < device->state_count ? state[1].from_ms : now_ms;
        if (end > now_ms) end = now_ms;
        int64_t begin = state->from_ms < loaded_ms ? loaded_ms : state->from_ms;
        if (end > begin) microjoules += (uint64_t)(end - begin) * state->power_mw;
    }
    return microjoules / 1000;
}
