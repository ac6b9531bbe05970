/* A scenario: what the fake driver shows, and when. Read once, when the library is loaded. */
#ifndef KASHI_FAKE_SCENARIO_H
#define KASHI_FAKE_SCENARIO_H

#include "../driver/driver.h"

enum { STATES_MAX = 65536, PROCESSES_MAX = 4096, PARTITIONS_MAX = 448, XIDS_MAX = 256, VALUES_MAX = 256, ROWS_MAX = 512 };

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

/* What a call answers in place of the state's value, however absurd. */
typedef struct {
    int device;
    char call[TEXT_MAX];
    uint64_t value;
    span_t span;
} value_t;

/* A row of per-process utilisation that no process stands behind. */
typedef struct {
    int device;
    uint32_t pid, sm_percent;
    int64_t stamp_us; /* FOREVER: now */
    span_t span;
} row_t;

/* At each list call, so many processes more than at the call before. */
typedef struct {
    uint32_t count;
    span_t span;
} crowd_t;

typedef struct {
    char uuid[TEXT_MAX], name[TEXT_MAX], serial[TEXT_MAX], pci[TEXT_MAX];
    uint64_t memory_bytes;
    uint32_t architecture, capability_major, capability_minor;
    uint32_t power_limit_mw, minor, persistence, mig, temperature;
    uint32_t sample_period_ms; /* of the driver's buffer of utilisation; 0: it has none */
    uint32_t energy_step_ms;   /* the counter moves so often; 0: at every call */
    uint32_t energy_percent;   /* of what power adds up to, that the counter counts */
    uint32_t module_mw;        /* what the rest of the module draws; 0: there is none */
    uint32_t activity;         /* whether it tells what its instances do */
    uint32_t power_mean_ms;    /* power is the mean of so long; 0: an instant */
    uint32_t empty_succeeds;   /* what processes did, where nobody did anything: success, no rows */
    crowd_t crowd;
    size_t state_first, state_count; /* into scenario.states, in order of time */
} device_t;

typedef struct {
    char driver[TEXT_MAX], library[TEXT_MAX];
    int cuda;
    int64_t reload_ms; /* the driver is exchanged: INT64_MAX, never */
    int boot_stamps;   /* samples are stamped by the boot clock, not by the wall clock */
    int64_t jump_ms, jump_at_ms; /* the clock of the stamps is set forward by so much, then */
    int64_t order_ms;  /* from then on the places of devices are these */
    int order[DEVICES_MAX];
    char calls[256];   /* every call is written there */
    int device_count;
    device_t devices[DEVICES_MAX];
    size_t state_count, process_count, partition_count, xid_count, value_count, row_count;
    state_t states[STATES_MAX];
    process_t processes[PROCESSES_MAX];
    partition_t partitions[PARTITIONS_MAX];
    xid_t xids[XIDS_MAX];
    value_t values[VALUES_MAX];
    row_t rows[ROWS_MAX];
} scenario_t;

/* Reads the file named by KASHI_FAKE_NVML. Ends the program with a message when it cannot. */
const scenario_t *scenario_load(void);

/* What a call answers on a device instead; NULL: what the state says. */
const uint64_t *device_value(const scenario_t *scenario, int device, const char *call, int64_t now_ms);

/* The share of [from, to) in which the device worked, in percent, cut; garbage where it shows some. */
uint32_t device_mean_percent(const scenario_t *scenario, int device, int64_t from_ms, int64_t to_ms);
/* The mean of what a device draws over a stretch, in milliwatts. */
uint32_t device_mean_power_mw(const scenario_t *from, int number, int64_t from_ms, int64_t to_ms);

/* Percent times milliseconds that the processes of a GPU instance have worked up to an instant. */
uint64_t instance_work(const scenario_t *scenario, int device, uint32_t gpu_instance, int64_t now_ms);

const state_t *device_state(const scenario_t *scenario, int device, int64_t now_ms);

/* Millijoules since the driver was loaded: power integrated exactly, cut to whole mJ. */
uint64_t device_energy_mj(const scenario_t *scenario, int device, int64_t now_ms);

#endif
