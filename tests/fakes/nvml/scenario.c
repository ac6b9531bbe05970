/* Parsing of what a scenario says of NVIDIA devices, and its arithmetic. */
#define _GNU_SOURCE
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static scenario_t scenario;

static void parse_device(const char *rest) {
    char number[16], field[32];
    int taken = 0;
    if (sscanf(rest, "%15s %31s %n", number, field, &taken) != 2 || !taken) driver_refuse("device N FIELD VALUE");
    device_t *device = &scenario.devices[driver_device(number)];
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
    else if (!strcmp(field, "sample_period_ms")) device->sample_period_ms = (uint32_t)integer;
    else if (!strcmp(field, "energy_step_ms")) device->energy_step_ms = (uint32_t)integer;
    else if (!strcmp(field, "energy_percent")) device->energy_percent = (uint32_t)integer;
    else if (!strcmp(field, "module_mw")) device->module_mw = (uint32_t)integer;
    else if (!strcmp(field, "activity")) device->activity = (uint32_t)integer;
    else if (!strcmp(field, "power_mean_ms")) device->power_mean_ms = (uint32_t)integer;
    else if (!strcmp(field, "empty_succeeds")) device->empty_succeeds = (uint32_t)integer;
    else if (!strcmp(field, "capability")) {
        if (sscanf(value, "%" SCNu32 ".%" SCNu32, &device->capability_major, &device->capability_minor) != 2)
            driver_refuse("device N capability MAJOR.MINOR");
    } else driver_refuse("no such field of a device");
}

/* States of one device follow each other in the file, in order of time. */
static void parse_state(const char *rest) {
    char number[16];
    state_t state;
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu32, number, &state.from_ms,
               &state.gpu_percent, &state.memory_percent, &state.used_bytes, &state.power_mw) != 6)
        driver_refuse("state N FROM GPU% MEMORY% USED_BYTES POWER_MW");
    device_t *device = &scenario.devices[driver_device(number)];
    if (!device->state_count) device->state_first = scenario.state_count;
    else if (device->state_first + device->state_count != scenario.state_count)
        driver_refuse("states of one device must stand together");
    else if (scenario.states[scenario.state_count - 1].from_ms >= state.from_ms)
        driver_refuse("states must stand in order of time");
    *(state_t *)driver_grown(scenario.states, &scenario.state_count, STATES_MAX, sizeof(state_t)) = state;
    device->state_count++;
}

static void parse_process(const char *rest) {
    char number[16], kind[16], used[24], from[24], to[24], instance[16];
    uint32_t pid, sm;
    if (sscanf(rest, "%15s %" SCNu32 " %15s %23s %23s %23s %" SCNu32 " %15s", number, &pid, kind, used, from, to,
               &sm, instance) != 8)
        driver_refuse("process N PID KIND USED_BYTES FROM TO SM% GPU_INSTANCE");
    process_t *process = driver_grown(scenario.processes, &scenario.process_count, PROCESSES_MAX, sizeof(process_t));
    process->device = driver_device(number);
    process->pid = pid;
    if (!strcmp(kind, "compute")) process->kind = COMPUTE;
    else if (!strcmp(kind, "graphics")) process->kind = GRAPHICS;
    else if (!strcmp(kind, "mps")) process->kind = MPS;
    else driver_refuse("a process is compute, graphics or mps");
    process->used_bytes = driver_bytes_or_untold(used);
    process->span = (span_t){driver_instant(from), driver_instant(to)};
    process->sm_percent = sm;
    process->gpu_instance = strcmp(instance, "-") ? (uint32_t)atoi(instance) : UINT32_MAX;
}

static void parse_partition(const char *rest) {
    char number[16], from[24], to[24];
    partition_t *part = driver_grown(scenario.partitions, &scenario.partition_count, PARTITIONS_MAX, sizeof(partition_t));
    if (sscanf(rest, "%15s %" SCNu32 " %95s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %23s %23s",
               number, &part->slot, part->uuid, &part->gpu_instance, &part->compute_instance, &part->gpu_slices,
               &part->compute_slices, &part->memory_mb, from, to) != 10)
        driver_refuse("mig N SLOT UUID GI CI GPU_SLICES COMPUTE_SLICES MEMORY_MB FROM TO");
    part->device = driver_device(number);
    part->span = (span_t){driver_instant(from), driver_instant(to)};
}

static void parse_xid(const char *rest) {
    char number[16];
    xid_t *xid = driver_grown(scenario.xids, &scenario.xid_count, XIDS_MAX, sizeof(xid_t));
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNu64, number, &xid->at_ms, &xid->number) != 3) driver_refuse("xid N AT NUMBER");
    xid->device = driver_device(number);
}

static void parse_value(const char *rest) {
    char number[16], from[24], to[24];
    value_t *value = driver_grown(scenario.values, &scenario.value_count, VALUES_MAX, sizeof(value_t));
    if (sscanf(rest, "%15s %95s %" SCNu64 " %23s %23s", number, value->call, &value->value, from, to) != 5)
        driver_refuse("value N CALL VALUE FROM TO");
    value->device = driver_device(number);
    value->span = (span_t){driver_instant(from), driver_instant(to)};
}

static void parse_row(const char *rest) {
    char number[16], stamp[24], from[24], to[24];
    row_t *row = driver_grown(scenario.rows, &scenario.row_count, ROWS_MAX, sizeof(row_t));
    if (sscanf(rest, "%15s %" SCNu32 " %" SCNu32 " %23s %23s %23s", number, &row->pid, &row->sm_percent, stamp, from, to) != 6)
        driver_refuse("row N PID SM% STAMP_US FROM TO");
    row->device = driver_device(number);
    row->stamp_us = driver_instant(stamp);
    row->span = (span_t){driver_instant(from), driver_instant(to)};
}

static void parse_crowd(const char *rest) {
    char number[16], from[24], to[24];
    uint32_t count;
    if (sscanf(rest, "%15s %" SCNu32 " %23s %23s", number, &count, from, to) != 4) driver_refuse("crowd N COUNT FROM TO");
    scenario.devices[driver_device(number)].crowd = (crowd_t){count, {driver_instant(from), driver_instant(to)}};
}

static void parse_order(const char *rest) {
    int taken = 0, place = 0, more = 0;
    if (sscanf(rest, "%" SCNd64 " %n", &scenario.order_ms, &taken) != 1) driver_refuse("order FROM DEVICE...");
    for (rest += taken; place < DEVICES_MAX && sscanf(rest, "%d %n", &scenario.order[place], &more) == 1; place++) rest += more;
    uint64_t named = 0;
    for (int i = 0; i < place; i++) named |= 1ULL << (scenario.order[i] & 63);
    int count = driver_device_count();
    if (place != count || named != (count < 64 ? (1ULL << count) - 1 : UINT64_MAX))
        driver_refuse("order FROM DEVICE...: each device once");
}

static void parse_stamps(const char *rest) {
    char clock[16];
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNd64, clock, &scenario.jump_ms, &scenario.jump_at_ms) != 3)
        driver_refuse("stamps unix|boot JUMP_MS AT");
    scenario.boot_stamps = !strcmp(clock, "boot");
    if (!scenario.boot_stamps && strcmp(clock, "unix")) driver_refuse("stamps unix|boot JUMP_MS AT");
}

static int statement(const char *word, const char *rest) {
    if (!strcmp(word, "driver")) snprintf(scenario.driver, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "library")) snprintf(scenario.library, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "cuda")) scenario.cuda = atoi(rest);
    else if (!strcmp(word, "reload")) scenario.reload_ms = driver_instant(rest);
    else if (!strcmp(word, "device")) parse_device(rest);
    else if (!strcmp(word, "state")) parse_state(rest);
    else if (!strcmp(word, "process")) parse_process(rest);
    else if (!strcmp(word, "mig")) parse_partition(rest);
    else if (!strcmp(word, "xid")) parse_xid(rest);
    else if (!strcmp(word, "value")) parse_value(rest);
    else if (!strcmp(word, "row")) parse_row(rest);
    else if (!strcmp(word, "crowd")) parse_crowd(rest);
    else if (!strcmp(word, "order")) parse_order(rest);
    else if (!strcmp(word, "stamps")) parse_stamps(rest);
    else if (!strcmp(word, "calls")) snprintf(scenario.calls, sizeof scenario.calls, "%s", rest);
    else return 0;
    return 1;
}

const scenario_t *scenario_load(void) {
    enum { GPU_IS_LOST = 15 };
    static const driver_t nvml = {"libnvidia-ml", "KASHI_FAKE_NVML", GPU_IS_LOST, statement};
    scenario.reload_ms = scenario.order_ms = FOREVER;
    driver_load(&nvml);
    scenario.device_count = driver_device_count();
    return &scenario;
}

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
    if (device->energy_step_ms) now_ms -= now_ms % device->energy_step_ms;
    int64_t loaded_ms = now_ms >= from->reload_ms ? from->reload_ms : 0;
    uint64_t microjoules = 0; /* mW times ms */
    for (size_t i = 0; i < device->state_count; i++) {
        const state_t *state = &from->states[device->state_first + i];
        int64_t end = i + 1 < device->state_count ? state[1].from_ms : now_ms;
        if (end > now_ms) end = now_ms;
        int64_t begin = state->from_ms < loaded_ms ? loaded_ms : state->from_ms;
        if (end > begin) microjoules += (uint64_t)(end - begin) * (state->power_mw + device->module_mw);
    }
    if (device->energy_percent) microjoules = microjoules / 100 * device->energy_percent;
    return microjoules / 1000;
}

const uint64_t *device_value(const scenario_t *from, int number, const char *call, int64_t now_ms) {
    for (size_t i = 0; i < from->value_count; i++) {
        const value_t *value = &from->values[i];
        if (value->device == number && !strcmp(value->call, call) && span_holds(value->span, now_ms)) return &value->value;
    }
    return NULL;
}

uint32_t device_mean_percent(const scenario_t *from, int number, int64_t from_ms, int64_t to_ms) {
    const device_t *device = &from->devices[number];
    uint64_t busy = 0;
    for (size_t i = 0; i < device->state_count; i++) {
        const state_t *state = &from->states[device->state_first + i];
        int64_t begin = state->from_ms > from_ms ? state->from_ms : from_ms;
        int64_t end = i + 1 < device->state_count && state[1].from_ms < to_ms ? state[1].from_ms : to_ms;
        if (end <= begin) continue;
        if (state->gpu_percent > 100) return state->gpu_percent;
        busy += (uint64_t)(end - begin) * state->gpu_percent;
    }
    return (uint32_t)(busy / (uint64_t)(to_ms - from_ms));
}

uint32_t device_mean_power_mw(const scenario_t *from, int number, int64_t from_ms, int64_t to_ms) {
    const device_t *device = &from->devices[number];
    uint64_t microjoules = 0;
    for (size_t i = 0; i < device->state_count; i++) {
        const state_t *state = &from->states[device->state_first + i];
        int64_t begin = state->from_ms > from_ms ? state->from_ms : from_ms;
        int64_t end = i + 1 < device->state_count && state[1].from_ms < to_ms ? state[1].from_ms : to_ms;
        if (end > begin) microjoules += (uint64_t)(end - begin) * state->power_mw;
    }
    return (uint32_t)(microjoules / (uint64_t)(to_ms - from_ms));
}

uint64_t instance_work(const scenario_t *from, int number, uint32_t gpu_instance, int64_t now_ms) {
    uint64_t work = 0;
    for (size_t i = 0; i < from->process_count; i++) {
        const process_t *process = &from->processes[i];
        int64_t end = process->span.to_ms < now_ms ? process->span.to_ms : now_ms;
        if (process->device == number && process->gpu_instance == gpu_instance && end > process->span.from_ms)
            work += (uint64_t)(end - process->span.from_ms) * process->sm_percent;
    }
    return work;
}
