/* A fake libnvidia-ml.so.1: NVML's ABI over a scenario. Layouts follow NVIDIA's public nvml.h; a
 * call the scenario has nothing to say about answers NOT_SUPPORTED, one not exported here is
 * FUNCTION_NOT_FOUND to its caller, as with an older driver. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scenario.h"

#define NVML(name) __attribute__((visibility("default"))) int name

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    TIMEOUT = 10,
    LIB_RM_VERSION_MISMATCH = 18,
    ARGUMENT_VERSION_MISMATCH = 25
};

enum { VALUE_UINT = 1, VALUE_ULONGLONG = 3 };

static const uint64_t EVENT_XID = 0x8;

typedef void *handle_t;

typedef struct { unsigned gpu, memory; } utilization_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2_t;
typedef struct { char legacy[16]; unsigned domain, bus, device, pci_device, pci_subsystem; char bus_id[32]; } pci_t;
#ifdef WIDE_PROCESSES /* as drivers 535.43 to 535.98 had it, without the list of details */
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; unsigned long long protected; } process_info_t;
#else
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process_info_t;
_Static_assert(sizeof(process_info_t) == 24, "nvml.h");
#endif
typedef struct { unsigned pid; unsigned long long at_us; unsigned sm, memory, enc, dec; } process_sample_t;
typedef struct { unsigned long long at_us; unsigned pid, sm, memory, enc, dec, jpg, ofa; } process_sample_v1_t;
typedef struct { unsigned version, count; unsigned long long seen_us; process_sample_v1_t *samples; } process_samples_t;
typedef struct { unsigned long long at_us; union { unsigned value; unsigned long long wide; } value; } sample_t;
typedef struct {
    unsigned field, scope;
    long long at_us, latency_us;
    unsigned type, code;
    union { unsigned value; unsigned long long wide; } value;
} field_value_t;
typedef struct { handle_t device; unsigned long long type, value; unsigned gpu_instance, compute_instance; } event_t;
typedef struct { unsigned sm, copy, decoder, encoder, jpeg, ofa, gpu_slices, compute_slices; unsigned long long memory_mb; } attributes_t;
typedef struct { unsigned version, sensor; int degrees; } temperature_t;
typedef struct { uint64_t devices; int64_t from_ms; size_t next; } event_set_t;
typedef struct { int device; unsigned gpu_instance; int64_t at_ms; uint64_t work; } activity_t;
typedef struct { unsigned metric; int code; double value; const char *short_name, *long_name, *unit; } metric_t;
typedef struct { unsigned version, count; activity_t *first, *second; metric_t metrics[]; } metrics_t;
typedef struct { unsigned version, supported; } support_t;

_Static_assert(sizeof(memory_v2_t) == 40 && sizeof(pci_t) == 68, "nvml.h");
_Static_assert(sizeof(process_sample_t) == 32 && sizeof(process_sample_v1_t) == 40 && sizeof(sample_t) == 16, "nvml.h");
_Static_assert(sizeof(field_value_t) == 40 && sizeof(event_t) == 32 && sizeof(attributes_t) == 40, "nvml.h");

_Static_assert(sizeof(metric_t) == 40 && sizeof(metrics_t) == 24, "nvml.h");

static const scenario_t *scenario;
static int64_t loaded_ms, loaded_stamp_ms;
static int calls_fd = -1;
static atomic_int sessions;
static char partition_handles[DEVICES_MAX][8]; /* by device and slot: another instance may get one again */

__attribute__((constructor)) static void load(void) {
    scenario = scenario_load();
    loaded_ms = driver_now_ms();
    struct timespec now;
    clock_gettime(scenario->boot_stamps ? CLOCK_BOOTTIME : CLOCK_REALTIME, &now);
    loaded_stamp_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (*scenario->calls) calls_fd = open(scenario->calls, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The driver stamps its samples in microseconds, of the wall clock or of the boot clock. */
static unsigned long long stamp_us(int64_t at_ms) {
    int64_t jumped_ms = scenario->jump_ms && at_ms >= scenario->jump_at_ms ? scenario->jump_ms : 0;
    return (unsigned long long)(loaded_stamp_ms + at_ms - loaded_ms + jumped_ms) * 1000;
}

static void record(const char *call, int device) {
    char line[TEXT_MAX + 16];
    int length = snprintf(line, sizeof line, "%s %d\n", call, device);
    if (calls_fd >= 0 && write(calls_fd, line, (size_t)length) != length) abort();
}

/* --- what stands before every call: latency, session, hang, reload, injected errors --- */

static int gate(const char *call, int device) {
    record(call, device);
    driver_take_time(call);
    if (!sessions && strncmp(call, "nvmlInit", 8)) return UNINITIALIZED;
    driver_wait_while_hung(call, device);
    int64_t now_ms = driver_now_ms();
    if (loaded_ms < scenario->reload_ms && scenario->reload_ms <= now_ms) return LIB_RM_VERSION_MISMATCH;
    return driver_injected_code(call, device);
}

/* --- handles: a device's is its place in the scenario, a partition's that of its slot --- */

static int device_of(handle_t handle) {
    const device_t *device = handle;
    if (device < scenario->devices || device >= scenario->devices + scenario->device_count) return -1;
    return (int)(device - scenario->devices);
}

static int is_partition(handle_t handle) {
    return (char *)handle >= partition_handles[0] && (char *)handle < partition_handles[DEVICES_MAX];
}

static int physical_of(handle_t handle) {
    return is_partition(handle) ? (int)((char *)handle - partition_handles[0]) / 8 : device_of(handle);
}

/* The instance in a slot now; NULL: the handle is a device's, or nothing is there. */
static const partition_t *partition_of(handle_t handle) {
    if (!is_partition(handle)) return NULL;
    unsigned slot = (unsigned)((char *)handle - partition_handles[0]) % 8;
    for (size_t i = 0; i < scenario->partition_count; i++) {
        const partition_t *part = &scenario->partitions[i];
        if (part->device == physical_of(handle) && part->slot == slot && span_holds(part->span, driver_now_ms())) return part;
    }
    return NULL;
}

static int mig_on(int n) {
    const uint64_t *shown = device_value(scenario, n, "nvmlDeviceGetMigMode", driver_now_ms());
    return shown ? (int)*shown : (int)scenario->devices[n].mig;
}

/* Opens a function on a whole device; on a partition it is not supported. */
#define DEVICE(argument)                                            \
    int n = device_of(handle);                                      \
    if (n < 0 || !(argument)) {                                     \
        if (is_partition(handle)) return NOT_SUPPORTED;             \
        return INVALID_ARGUMENT;                                    \
    }                                                               \
    int code = gate(__func__, n);                                   \
    if (code) return code;                                          \
    const device_t *device = &scenario->devices[n];                 \
    const state_t *state = device_state(scenario, n, driver_now_ms()); \
    (void)device, (void)state

/* Opens a function on a device or a partition. */
#define ANY(argument)                                               \
    int n = physical_of(handle);                                    \
    if (n < 0 || !(argument)) return INVALID_ARGUMENT;              \
    int code = gate(__func__, n);                                   \
    if (code) return code;                                          \
    const partition_t *part = partition_of(handle);                 \
    if (!part && is_partition(handle)) return INVALID_ARGUMENT;     \
    const device_t *device = &scenario->devices[n];                 \
    const state_t *state = device_state(scenario, n, driver_now_ms()); \
    (void)part, (void)device, (void)state

#define SYSTEM(argument)                                            \
    if (!(argument)) return INVALID_ARGUMENT;                       \
    int code = gate(__func__, ALL_DEVICES);                         \
    if (code) return code

static int written(char *to, unsigned size, const char *text) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return SUCCESS;
}

/* --- session and system --- */

static int begin(const char *call) {
    int code = gate(call, ALL_DEVICES);
    if (!code) sessions++;
    return code;
}

NVML(nvmlInitWithFlags)(unsigned flags) { (void)flags; return begin(__func__); }
NVML(nvmlInit_v2)(void) { return begin(__func__); }
NVML(nvmlInit)(void) { return begin(__func__); }

NVML(nvmlShutdown)(void) {
    record(__func__, ALL_DEVICES);
    if (!sessions) return UNINITIALIZED;
    sessions--;
    return SUCCESS;
}

__attribute__((visibility("default"))) const char *nvmlErrorString(int code) {
    static _Thread_local char text[32];
    snprintf(text, sizeof text, "fake error %d", code);
    return text;
}

NVML(nvmlSystemGetDriverVersion)(char *text, unsigned size) { SYSTEM(text); return written(text, size, scenario->driver); }
NVML(nvmlSystemGetNVMLVersion)(char *text, unsigned size) { SYSTEM(text); return written(text, size, scenario->library); }
NVML(nvmlSystemGetCudaDriverVersion)(int *version) { SYSTEM(version); *version = scenario->cuda; return SUCCESS; }
NVML(nvmlSystemGetCudaDriverVersion_v2)(int *version) { SYSTEM(version); *version = scenario->cuda; return SUCCESS; }

/* --- enumeration --- */

NVML(nvmlDeviceGetCount_v2)(unsigned *count) { SYSTEM(count); *count = (unsigned)scenario->device_count; return SUCCESS; }
NVML(nvmlDeviceGetCount)(unsigned *count) { return nvmlDeviceGetCount_v2(count); }

NVML(nvmlDeviceGetHandleByIndex_v2)(unsigned index, handle_t *handle) {
    if (!handle || index >= (unsigned)scenario->device_count) return INVALID_ARGUMENT;
    int n = driver_now_ms() < scenario->order_ms ? (int)index : scenario->order[index];
    int code = gate(__func__, n);
    if (!code) *handle = (handle_t)&scenario->devices[n];
    return code;
}

NVML(nvmlDeviceGetHandleByIndex)(unsigned index, handle_t *handle) { return nvmlDeviceGetHandleByIndex_v2(index, handle); }

NVML(nvmlDeviceGetHandleByUUID)(const char *uuid, handle_t *handle) {
    if (!uuid || !handle) return INVALID_ARGUMENT;
    int code = gate(__func__, ALL_DEVICES);
    if (code) return code;
    int64_t now_ms = driver_now_ms();
    for (int n = 0; n < scenario->device_count; n++)
        if (!strcmp(scenario->devices[n].uuid, uuid)) {
            *handle = (handle_t)&scenario->devices[n];
            return gate(__func__, n);
        }
    for (size_t i = 0; i < scenario->partition_count; i++)
        if (!strcmp(scenario->partitions[i].uuid, uuid) && span_holds(scenario->partitions[i].span, now_ms)) {
            *handle = &partition_handles[scenario->partitions[i].device][scenario->partitions[i].slot];
            return SUCCESS;
        }
    return NOT_FOUND;
}

NVML(nvmlDeviceGetHandleByPciBusId_v2)(const char *bus_id, handle_t *handle) {
    SYSTEM(bus_id && handle);
    for (int n = 0; n < scenario->device_count; n++)
        if (!strcasecmp(scenario->devices[n].pci, bus_id)) {
            *handle = (handle_t)&scenario->devices[n];
            return gate(__func__, n);
        }
    return NOT_FOUND;
}

NVML(nvmlDeviceGetHandleByPciBusId)(const char *bus_id, handle_t *handle) { return nvmlDeviceGetHandleByPciBusId_v2(bus_id, handle); }

NVML(nvmlDeviceGetIndex)(handle_t handle, unsigned *index) {
    DEVICE(index);
    unsigned place = (unsigned)n;
    if (driver_now_ms() >= scenario->order_ms) for (place = 0; scenario->order[place] != n;) place++;
    *index = place;
    return SUCCESS;
}

NVML(nvmlDeviceGetMinorNumber)(handle_t handle, unsigned *minor) { DEVICE(minor); *minor = device->minor; return SUCCESS; }

/* --- identity --- */

NVML(nvmlDeviceGetName)(handle_t handle, char *text, unsigned size) { ANY(text); return written(text, size, device->name); }
NVML(nvmlDeviceGetUUID)(handle_t handle, char *text, unsigned size) { ANY(text); return written(text, size, part ? part->uuid : device->uuid); }

NVML(nvmlDeviceGetSerial)(handle_t handle, char *text, unsigned size) {
    DEVICE(text);
    return *device->serial ? written(text, size, device->serial) : NOT_SUPPORTED;
}

NVML(nvmlDeviceGetPciInfo_v3)(handle_t handle, pci_t *pci) {
    DEVICE(pci);
    memset(pci, 0, sizeof *pci);
    if (sscanf(device->pci, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device) != 3) return NOT_SUPPORTED;
    snprintf(pci->legacy, sizeof pci->legacy, "%04X:%02X:%02X.0", pci->domain & 0xffff, pci->bus & 0xff, pci->device & 0xff);
    snprintf(pci->bus_id, sizeof pci->bus_id, "%s", device->pci);
    return SUCCESS;
}

NVML(nvmlDeviceGetArchitecture)(handle_t handle, unsigned *architecture) { DEVICE(architecture); *architecture = device->architecture; return SUCCESS; }
NVML(nvmlDeviceGetBrand)(handle_t handle, unsigned *brand) { DEVICE(brand); *brand = 14; return SUCCESS; }

NVML(nvmlDeviceGetCudaComputeCapability)(handle_t handle, int *major, int *minor) {
    ANY(major && minor);
    *major = (int)device->capability_major;
    *minor = (int)device->capability_minor;
    return SUCCESS;
}

NVML(nvmlDeviceGetPersistenceMode)(handle_t handle, unsigned *mode) { DEVICE(mode); *mode = device->persistence; return SUCCESS; }
NVML(nvmlDeviceGetComputeMode)(handle_t handle, unsigned *mode) { DEVICE(mode); *mode = 0; return SUCCESS; }
NVML(nvmlDeviceGetDisplayActive)(handle_t handle, unsigned *on) { DEVICE(on); *on = 0; return SUCCESS; }
NVML(nvmlDeviceGetDisplayMode)(handle_t handle, unsigned *on) { DEVICE(on); *on = 0; return SUCCESS; }
NVML(nvmlDeviceGetPerformanceState)(handle_t handle, unsigned *level) { DEVICE(level); *level = state->gpu_percent ? 0 : 8; return SUCCESS; }
NVML(nvmlDeviceGetTemperature)(handle_t handle, unsigned sensor, unsigned *degrees) { (void)sensor; DEVICE(degrees); *degrees = device->temperature; return SUCCESS; }
NVML(nvmlDeviceGetTemperatureV)(handle_t handle, temperature_t *reading) { DEVICE(reading); reading->degrees = (int)device->temperature; return SUCCESS; }

/* --- gauges and counters --- */

NVML(nvmlDeviceGetUtilizationRates)(handle_t handle, utilization_t *rates) {
    DEVICE(rates);
    if (mig_on(n)) return NOT_SUPPORTED;
    rates->gpu = state->gpu_percent;
    rates->memory = state->memory_percent;
    return SUCCESS;
}

static int zero_codec(unsigned *percent, unsigned *period_us) { *percent = 0; *period_us = 167000; return SUCCESS; }

NVML(nvmlDeviceGetEncoderUtilization)(handle_t handle, unsigned *percent, unsigned *period_us) { DEVICE(percent && period_us); return zero_codec(percent, period_us); }
NVML(nvmlDeviceGetDecoderUtilization)(handle_t handle, unsigned *percent, unsigned *period_us) { DEVICE(percent && period_us); return zero_codec(percent, period_us); }

static uint64_t memory_total(const device_t *device, const partition_t *part) { return part ? part->memory_mb << 20 : device->memory_bytes; }

/* A partition's use is what its processes say; a device's is the scenario's word. */
static uint64_t memory_used(int n, const partition_t *part, const state_t *state) {
    const uint64_t *shown = device_value(scenario, n, "nvmlDeviceGetMemoryInfo", driver_now_ms());
    if (shown && !part) return *shown;
    if (!part) return state->used_bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < scenario->process_count; i++) {
        const process_t *process = &scenario->processes[i];
        if (process->device == n && process->gpu_instance == part->gpu_instance && process->used_bytes != UINT64_MAX &&
            span_holds(process->span, driver_now_ms()))
            sum += process->used_bytes;
    }
    return sum;
}

NVML(nvmlDeviceGetMemoryInfo)(handle_t handle, memory_t *memory) {
    ANY(memory);
    *memory = (memory_t){.total = memory_total(device, part), .used = memory_used(n, part, state)};
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

NVML(nvmlDeviceGetMemoryInfo_v2)(handle_t handle, memory_v2_t *memory) {
    ANY(memory);
    if (memory->version != 0x02000028) return ARGUMENT_VERSION_MISMATCH;
    *memory = (memory_v2_t){memory->version, memory_total(device, part), 0, 0, memory_used(n, part, state)};
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

static unsigned power_mw(int n, const device_t *device, const state_t *state) {
    const uint64_t *shown = device_value(scenario, n, "nvmlDeviceGetPowerUsage", driver_now_ms());
    if (shown) return (unsigned)*shown;
    int64_t now_ms = driver_now_ms(), span_ms = device->power_mean_ms;
    unsigned own_mw = span_ms ? device_mean_power_mw(scenario, n, now_ms - span_ms, now_ms) : state->power_mw;
    return own_mw + device->module_mw;
}

NVML(nvmlDeviceGetPowerUsage)(handle_t handle, unsigned *milliwatts) { DEVICE(milliwatts); *milliwatts = power_mw(n, device, state); return SUCCESS; }
NVML(nvmlDeviceGetEnforcedPowerLimit)(handle_t handle, unsigned *milliwatts) { DEVICE(milliwatts); *milliwatts = device->power_limit_mw; return SUCCESS; }
NVML(nvmlDeviceGetPowerManagementLimit)(handle_t handle, unsigned *milliwatts) { DEVICE(milliwatts); *milliwatts = device->power_limit_mw; return SUCCESS; }

static uint64_t energy_mj(int n) {
    const uint64_t *shown = device_value(scenario, n, "nvmlDeviceGetTotalEnergyConsumption", driver_now_ms());
    return shown ? *shown : device_energy_mj(scenario, n, driver_now_ms());
}

NVML(nvmlDeviceGetTotalEnergyConsumption)(handle_t handle, unsigned long long *millijoules) { DEVICE(millijoules); *millijoules = energy_mj(n); return SUCCESS; }

/* Scope 0 is the accelerator, 1 the module it shares with a processor. */
static void fill_field(field_value_t *field, int n, const device_t *device, const state_t *state) {
    char call[32];
    snprintf(call, sizeof call, "field.%u", field->field);
    const uint64_t *shown = device_value(scenario, n, call, driver_now_ms());
    field->at_us = (long long)stamp_us(driver_now_ms());
    field->code = SUCCESS;
    field->type = VALUE_UINT;
    if (shown) field->value.value = (unsigned)*shown;
    else if (field->field == 83) {
        field->type = VALUE_ULONGLONG;
        field->value.wide = energy_mj(n);
    } else if ((field->field == 185 || field->field == 186) && !field->scope) field->value.value = state->power_mw;
    else if (field->field == 186 && field->scope == 1 && device->module_mw) field->value.value = state->power_mw + device->module_mw;
    else if (field->field == 230) field->value.value = 0;
    else field->code = NOT_SUPPORTED;
}

NVML(nvmlDeviceGetFieldValues)(handle_t handle, int count, field_value_t *fields) {
    DEVICE(fields && count > 0);
    for (int i = 0; i < count; i++) fill_field(&fields[i], n, device, state);
    return SUCCESS;
}

/* The driver's own buffer, the last hundred samples of it: power as it stood, utilisation over the
 * period that the sample ends. */
NVML(nvmlDeviceGetSamples)(handle_t handle, unsigned type, unsigned long long seen_us, unsigned *value_type, unsigned *count, sample_t *samples) {
    enum { POWER_PERIOD_MS = 200, KEPT = 100 };
    DEVICE(value_type && count);
    int64_t period_ms = type ? device->sample_period_ms : POWER_PERIOD_MS;
    if (type > 1 || (type == 1 && (mig_on(n) || !period_ms))) return NOT_SUPPORTED;
    int64_t newest = driver_now_ms() / period_ms, oldest = newest - KEPT + 1;
    if (oldest < 1) oldest = 1;
    while (oldest <= newest && stamp_us(oldest * period_ms) <= seen_us) oldest++;
    if (newest < oldest) return NOT_FOUND;
    unsigned held = (unsigned)(newest - oldest + 1);
    *value_type = VALUE_UINT;
    if (!samples) { *count = KEPT; return SUCCESS; }
    if (*count < held) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < held; i++) {
        int64_t at_ms = (oldest + i) * period_ms;
        samples[i] = (sample_t){
            .at_us = stamp_us(at_ms),
            .value.value = type ? device_mean_percent(scenario, n, at_ms - period_ms, at_ms) : device_state(scenario, n, at_ms)->power_mw};
    }
    *count = held;
    return SUCCESS;
}

/* --- processes --- */

static int listed(const process_t *process, int n, const partition_t *part, int64_t now_ms) {
    return process->device == n && span_holds(process->span, now_ms) && (!part || part->gpu_instance == process->gpu_instance);
}

/* More of them at every call. */
static unsigned crowd(int n, process_kind_t kind, int64_t now_ms) {
    static unsigned come[DEVICES_MAX];
    const crowd_t *crowd = &scenario->devices[n].crowd;
    if (kind != COMPUTE || !crowd->count || !span_holds(crowd->span, now_ms)) return 0;
    return come[n] += crowd->count;
}

static int list_processes(int n, const partition_t *part, process_kind_t kind, unsigned *count, process_info_t *infos) {
    int64_t now_ms = driver_now_ms();
    unsigned found = 0, room = infos ? *count : 0;
    for (size_t i = 0; i < scenario->process_count; i++) {
        const process_t *process = &scenario->processes[i];
        if (process->kind != kind || !listed(process, n, part, now_ms)) continue;
        if (found < room) infos[found] = (process_info_t){
            .pid = process->pid, .used = process->used_bytes, .gpu_instance = process->gpu_instance,
            .compute_instance = process->gpu_instance == UINT32_MAX ? UINT32_MAX : 0};
        found++;
    }
    for (unsigned i = 0, more = crowd(n, kind, now_ms); i < more; i++, found++)
        if (found < room) infos[found] = (process_info_t){.pid = 3000000 + i, .used = 0, .gpu_instance = UINT32_MAX, .compute_instance = UINT32_MAX};
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

NVML(nvmlDeviceGetComputeRunningProcesses_v3)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, COMPUTE, count, infos); }
NVML(nvmlDeviceGetComputeRunningProcesses_v2)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, COMPUTE, count, infos); }
NVML(nvmlDeviceGetGraphicsRunningProcesses_v3)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, GRAPHICS, count, infos); }
NVML(nvmlDeviceGetGraphicsRunningProcesses_v2)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, GRAPHICS, count, infos); }
NVML(nvmlDeviceGetMPSComputeRunningProcesses_v3)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, MPS, count, infos); }
NVML(nvmlDeviceGetMPSComputeRunningProcesses_v2)(handle_t handle, unsigned *count, process_info_t *infos) { ANY(count); return list_processes(n, part, MPS, count, infos); }

/* Who worked since the caller looked last; asked from 0, over all that the buffer keeps. A process
 * that has ended is told too, stamped when it last worked. */
static unsigned worked(int n, unsigned long long seen_us, process_sample_v1_t *found, unsigned room) {
    enum { KEPT_MS = 20000 };
    int64_t now_ms = driver_now_ms();
    unsigned count = 0;
    for (size_t i = 0; i < scenario->process_count && count < room; i++) {
        const process_t *process = &scenario->processes[i];
        int64_t last_ms = process->span.to_ms <= now_ms ? process->span.to_ms - 1 : now_ms;
        if (process->device != n || !process->sm_percent || process->span.from_ms > now_ms) continue;
        if (seen_us ? stamp_us(last_ms) <= seen_us : last_ms <= now_ms - KEPT_MS) continue;
        found[count++] = (process_sample_v1_t){.at_us = stamp_us(last_ms), .pid = process->pid, .sm = process->sm_percent};
    }
    for (size_t i = 0; i < scenario->row_count && count < room; i++) {
        const row_t *row = &scenario->rows[i];
        if (row->device != n || !span_holds(row->span, now_ms)) continue;
        found[count++] = (process_sample_v1_t){
            .at_us = row->stamp_us == FOREVER ? stamp_us(now_ms) : (unsigned long long)row->stamp_us, .pid = row->pid, .sm = row->sm_percent};
    }
    return count;
}

enum { WORKED_MAX = 1024 };

NVML(nvmlDeviceGetProcessUtilization)(handle_t handle, process_sample_t *samples, unsigned *count, unsigned long long seen_us) {
    DEVICE(count);
    process_sample_v1_t rows[WORKED_MAX];
    if (mig_on(n)) return NOT_SUPPORTED;
    unsigned found = worked(n, seen_us, rows, WORKED_MAX), room = samples ? *count : 0;
    *count = found;
    if (!found) return device->empty_succeeds ? SUCCESS : NOT_FOUND;
    if (found > room) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < found; i++) samples[i] = (process_sample_t){rows[i].pid, rows[i].at_us, rows[i].sm, 0, 0, 0};
    return SUCCESS;
}

NVML(nvmlDeviceGetProcessesUtilizationInfo)(handle_t handle, process_samples_t *asked) {
    DEVICE(asked);
    process_sample_v1_t rows[WORKED_MAX];
    if (asked->version != 0x01000018) return ARGUMENT_VERSION_MISMATCH;
    if (mig_on(n)) return NOT_SUPPORTED;
    unsigned found = worked(n, asked->seen_us, rows, WORKED_MAX), room = asked->samples ? asked->count : 0;
    asked->count = found;
    if (!found) return device->empty_succeeds ? SUCCESS : NOT_FOUND;
    if (found > room) return INSUFFICIENT_SIZE;
    memcpy(asked->samples, rows, found * sizeof rows[0]);
    return SUCCESS;
}

/* --- partitions: Ampere, Hopper and later; Ada has none --- */

static int mig_capable(const device_t *device) { return device->architecture == 7 || device->architecture >= 9; }

NVML(nvmlDeviceGetMigMode)(handle_t handle, unsigned *current, unsigned *pending) {
    DEVICE(current && pending);
    if (!mig_capable(device)) return NOT_SUPPORTED;
    *current = *pending = (unsigned)mig_on(n);
    return SUCCESS;
}

NVML(nvmlDeviceGetMaxMigDeviceCount)(handle_t handle, unsigned *count) {
    DEVICE(count);
    *count = mig_capable(device) ? 7 : 0;
    return SUCCESS;
}

NVML(nvmlDeviceGetMigDeviceHandleByIndex)(handle_t handle, unsigned index, handle_t *found) {
    DEVICE(found);
    if (!mig_on(n)) return NOT_SUPPORTED;
    if (index >= 7 || !partition_of(&partition_handles[n][index])) return NOT_FOUND;
    *found = &partition_handles[n][index];
    return SUCCESS;
}

NVML(nvmlDeviceIsMigDeviceHandle)(handle_t handle, unsigned *is) { ANY(is); *is = part != NULL; return SUCCESS; }

NVML(nvmlDeviceGetDeviceHandleFromMigDeviceHandle)(handle_t handle, handle_t *whole) {
    ANY(whole);
    if (!part) return INVALID_ARGUMENT;
    *whole = (handle_t)device;
    return SUCCESS;
}

NVML(nvmlDeviceGetGpuInstanceId)(handle_t handle, unsigned *id) { ANY(id); if (!part) return NOT_SUPPORTED; *id = part->gpu_instance; return SUCCESS; }
NVML(nvmlDeviceGetComputeInstanceId)(handle_t handle, unsigned *id) { ANY(id); if (!part) return NOT_SUPPORTED; *id = part->compute_instance; return SUCCESS; }

NVML(nvmlDeviceGetAttributes_v2)(handle_t handle, attributes_t *attributes) {
    ANY(attributes);
    if (!part) return NOT_SUPPORTED;
    *attributes = (attributes_t){.gpu_slices = part->gpu_slices, .compute_slices = part->compute_slices, .memory_mb = part->memory_mb};
    return SUCCESS;
}

/* --- what instances do: the difference of two samples of a running sum --- */

NVML(nvmlGpmQueryDeviceSupport)(handle_t handle, support_t *support) { DEVICE(support); support->supported = device->activity; return SUCCESS; }
NVML(nvmlGpmSampleAlloc)(activity_t **sample) { SYSTEM(sample); *sample = calloc(1, sizeof **sample); return SUCCESS; }
NVML(nvmlGpmSampleFree)(activity_t *sample) { SYSTEM(sample); free(sample); return SUCCESS; }

NVML(nvmlGpmMigSampleGet)(handle_t handle, unsigned gpu_instance, activity_t *sample) {
    DEVICE(sample);
    if (!device->activity) return NOT_SUPPORTED;
    *sample = (activity_t){n, gpu_instance, driver_now_ms(), instance_work(scenario, n, gpu_instance, driver_now_ms())};
    return SUCCESS;
}

NVML(nvmlGpmMetricsGet)(metrics_t *asked) {
    SYSTEM(asked && asked->first && asked->second && asked->count);
    if (asked->version != 1) return ARGUMENT_VERSION_MISMATCH;
    int64_t span_ms = asked->second->at_ms - asked->first->at_ms;
    const uint64_t *shown = device_value(scenario, asked->second->device, "nvmlGpmMetricsGet", driver_now_ms());
    const activity_t *last = asked->second;
    double now = (double)(instance_work(scenario, last->device, last->gpu_instance, last->at_ms + 1) - last->work);
    for (unsigned i = 0; i < asked->count; i++) {
        metric_t *metric = &asked->metrics[i];
        metric->code = metric->metric != 1 ? NOT_SUPPORTED : SUCCESS;
        if (metric->code) continue;
        metric->value = shown ? (double)*shown : span_ms > 0 ? (double)(asked->second->work - asked->first->work) / (double)span_ms : now;
    }
    return SUCCESS;
}

/* --- events: each XID once, to every set that was registered before it --- */

NVML(nvmlEventSetCreate)(event_set_t **set) {
    SYSTEM(set);
    *set = calloc(1, sizeof **set);
    (*set)->from_ms = driver_now_ms();
    return SUCCESS;
}

NVML(nvmlEventSetFree)(event_set_t *set) { free(set); return SUCCESS; }
NVML(nvmlDeviceGetSupportedEventTypes)(handle_t handle, unsigned long long *types) { DEVICE(types); *types = EVENT_XID; return SUCCESS; }

NVML(nvmlDeviceRegisterEvents)(handle_t handle, unsigned long long types, event_set_t *set) {
    DEVICE(set);
    if (types & EVENT_XID) set->devices |= 1ULL << n;
    return types & ~EVENT_XID ? NOT_SUPPORTED : SUCCESS;
}

static int next_xid(event_set_t *set, event_t *event) {
    for (; set->next < scenario->xid_count; set->next++) {
        const xid_t *xid = &scenario->xids[set->next];
        if (xid->at_ms > driver_now_ms()) return 0;
        if (xid->at_ms < set->from_ms || !(set->devices >> xid->device & 1)) continue;
        *event = (event_t){(handle_t)&scenario->devices[xid->device], EVENT_XID, xid->number, UINT32_MAX, UINT32_MAX};
        set->next++;
        return 1;
    }
    return 0;
}

NVML(nvmlEventSetWait_v2)(event_set_t *set, event_t *event, unsigned timeout_ms) {
    SYSTEM(set && event);
    for (unsigned waited = 0;; waited++) {
        if (next_xid(set, event)) return SUCCESS;
        if (waited >= timeout_ms) return TIMEOUT;
        usleep(1000);
    }
}

/* --- health: a healthy card --- */

NVML(nvmlDeviceGetTotalEccErrors)(handle_t handle, unsigned type, unsigned counter, unsigned long long *errors) { (void)type, (void)counter; DEVICE(errors); *errors = 0; return SUCCESS; }
NVML(nvmlDeviceGetCurrentClocksEventReasons)(handle_t handle, unsigned long long *reasons) { DEVICE(reasons); *reasons = state->gpu_percent ? 0 : 1; return SUCCESS; }

NVML(nvmlDeviceGetRemappedRows)(handle_t handle, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    DEVICE(corrected && uncorrected && pending && failed);
    *corrected = *uncorrected = *pending = *failed = 0;
    return SUCCESS;
}

/* --- there, but with nothing to say. The last two stand or fall together: a consumer takes the
 * first without the second for a driver with another layout of processes. --- */

#define SILENT(name) NVML(name)(handle_t handle) { ANY(1); return NOT_SUPPORTED; }
SILENT(nvmlDeviceGetVbiosVersion)
SILENT(nvmlDeviceGetBoardPartNumber)
SILENT(nvmlDeviceGetInforomImageVersion)
SILENT(nvmlDeviceGetBAR1MemoryInfo)
SILENT(nvmlDeviceGetClockInfo)
SILENT(nvmlDeviceGetMaxClockInfo)
SILENT(nvmlDeviceGetFanSpeed)
SILENT(nvmlDeviceGetPcieThroughput)
SILENT(nvmlDeviceGetDriverModel_v2)
SILENT(nvmlDeviceGetRetiredPages_v2)
SILENT(nvmlDeviceGetAccountingMode)
SILENT(nvmlDeviceGetAccountingBufferSize)
SILENT(nvmlDeviceGetAccountingPids)
SILENT(nvmlDeviceGetAccountingStats)
SILENT(nvmlDeviceSetAccountingMode)
SILENT(nvmlDeviceGetConfComputeGpuAttestationReport)
SILENT(nvmlDeviceGetConfComputeGpuCertificate)
#ifndef WIDE_PROCESSES
SILENT(nvmlDeviceGetRunningProcessDetailList)
#endif
SILENT(nvmlDeviceGetConfComputeMemSizeInfo)
