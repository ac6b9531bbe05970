/* A scenario: what the fake driver shows, and when. Read once, when the library is loaded. */
#ifndef KASHI_FAKE_SCENARIO_H
#define KASHI_FAKE_SCENARIO_H

#include "../driver/driver.h"

enum { STATES_MAX = 65536, PROCESSES_MAX = 4096, PARTITIONS_MAX = 448, XIDS_MAX = 256 };

/* What a device shows from an instant until the next state. Unsigned, so that garbage fits. */
typedef struct {
    int64_t from_ms;
    uint32_t gpu_percent;
    uint32_t memory_percent;
    uint64_t used_bytes;
    uint32_t power_mw;
} state_t;

typedef enum { COMPUTE, GRAPHICS, MPS } process_kind_t;

typedef struct {
    int device;
    uint32_t pid;
    process_kind_t kind;
    uint64_t used_bytes; /* UINT64_MAX: the driver does not tell */
    uint32_t sm_percent;
    uint32_t gpu_instance; /* UINT32_MAX: none */
    span_t span;
} process_t;

typedef struct {
    int device;
    uint32_t slot;
    char uuid[TEXT_MAX];
    uint32_t gpu_instance, compute_instance, gpu_slices, compute_slices;
    uint64_t memory_mb;
    span_t span;
} partition_t;

typedef struct {
    int device;
    int64_t at_ms;
    uint64_t number;
} xid_t;

typedef struct {
    char uuid[TEXT_MAX], name[TEXT_MAX], serial[TEXT_MAX], pci[TEXT_MAX];
    uint64_t memory_bytes;
    uint32_t architecture, capability_major, capability_minor;
    uint32_t power_limit_mw, minor, persistence, mig, temperature;
    size_t state_first, state_count; /* into scenario.states, in order of time */
} device_t;

typedef struct {
    char driver[TEXT_MAX], library[TEXT_MAX];
    int cuda;
    int64_t reload_ms; /* the driver is exchanged: INT64_MAX, never */
    int device_count;
    device_t devices[DEVICES_MAX];
    size_t state_count, process_count, partition_count, xid_count;
    state_t states[STATES_MAX];
    process_t processes[PROCESSES_MAX];
    partition_t partitions[PARTITIONS_MAX];
    xid_t xids[XIDS_MAX];
} scenario_t;

/* Reads the file named by KASHI_FAKE_NVML. Ends the program with a message when it cannot. */
const scenario_t *scenario_load(void);

const state_t *device_state(const scenario_t *scenario, int device, int64_t now_ms);

/* Millijoules since the driver was loaded: power integrated exactly, cut to whole mJ. */
uint64_t device_energy_mj(const scenario_t *scenario, int device, int64_t now_ms);

#endif
