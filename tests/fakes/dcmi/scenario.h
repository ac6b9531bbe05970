/* What a scenario says of Ascend chips, and when. Read once, when the library is loaded. */
#ifndef KASHI_FAKE_DCMI_SCENARIO_H
#define KASHI_FAKE_DCMI_SCENARIO_H

#include "../driver/driver.h"

enum { STATES_MAX = 65536, LISTED_MAX = 4096, CODES_MAX = 1024, VNPUS_MAX = 512, CARD_POWERS_MAX = 1024, REFUSED = INT32_MIN };

/* What a chip shows from an instant until its next state. Wide enough for garbage. */
typedef struct {
    int64_t from_ms;
    uint32_t aicore, vector, overall; /* percent */
    uint64_t used_mb;
    int32_t power_dw; /* tenths of a watt; REFUSED: not supported */
    uint32_t health;
} state_t;

typedef struct {
    int card, place;        /* how the older entry points know it */
    int logic, physical;    /* the logical id is how the newer ones do */
    int type;               /* 0 NPU, 1 MCU, 2 CPU */
    char kind[TEXT_MAX], name[TEXT_MAX], npu_name[TEXT_MAX], serial[TEXT_MAX];
    uint32_t aicores, board, die[5];
    int die_type;           /* 1 VDie, 2 DDie: the only one it tells */
    uint32_t pci[4];        /* domain, bus, device, function */
    uint64_t memory_mb;
    int ddr;                /* memory that is not on the chip: another call */
    uint32_t rates;         /* bit n: it knows utilisation of type n */
    int multi;              /* it knows several utilisations in one call */
    float aic;              /* what there is to split */
    int temperature;
    size_t state_first, state_count; /* into scenario.states, in order of time */
} chip_t;

typedef struct { int chip; int pid; uint64_t bytes; span_t span; } listed_t;
typedef struct { int chip; uint32_t code; span_t span; } code_t;
typedef struct { int card; int64_t from_ms; int32_t power_dw; } card_power_t;
typedef struct {
    int chip;
    uint32_t id, percent, in_container;
    float aic;
    uint64_t memory_mb, container;
    span_t span;
} vnpu_t;

typedef struct {
    int api; /* which entry points answer: 1 or 2 */
    char driver[TEXT_MAX], library[TEXT_MAX];
    int chip_count;
    chip_t chips[DEVICES_MAX];
    size_t state_count, listed_count, code_count, card_power_count, vnpu_count;
    state_t states[STATES_MAX];
    listed_t listed[LISTED_MAX];
    code_t codes[CODES_MAX];
    card_power_t card_powers[CARD_POWERS_MAX];
    vnpu_t vnpus[VNPUS_MAX];
} scenario_t;

/* Reads the file named by KASHI_FAKE_DCMI. Ends the program with a message when it cannot. */
const scenario_t *scenario_load(void);

const state_t *chip_state(const scenario_t *scenario, int chip, int64_t now_ms);

/* Of the whole card, in tenths of a watt; REFUSED where the scenario says nothing. */
int32_t card_power_dw(const scenario_t *scenario, int card, int64_t now_ms);

#endif
