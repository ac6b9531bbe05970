/* A fake libdcmi.so: DCMI's ABI over a scenario, older entry points (dcmi_*, a chip is a place on a
 * card) and newer ones (dcmiv2_*, a chip is a logical id). A driver has one of the two; the other's
 * answer NOT_SUPPORTED, initialisation included. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "layouts.h"
#include "scenario.h"

#define DCMI(name) __attribute__((visibility("default"))) int name

enum {
    SUCCESS = 0,
    INVALID_PARAMETER = -8001,
    INNER_ERROR = -8005,
    INVALID_DEVICE = -8007,
    NOT_SUPPORTED = -8255
};
enum { LISTED_AT_MOST = 32, HUAWEI = 0x19e5 };
enum { COMMAND_VDEV = 52, VDEV_RESOURCE = 0, VDEV_TOTAL = 1, VDEV_FREE = 2, VDEV_ACTIVITY = 5 };

static const scenario_t *scenario;
static atomic_int begun;

__attribute__((constructor)) static void load(void) { scenario = scenario_load(); }

/* What stands before every call. */
static int gate(const char *call, int chip) {
    int api = strncmp(call, "dcmiv2_", 7) ? 1 : 2;
    driver_take_time(call);
    driver_wait_while_hung(call, chip);
    if (api != scenario->api) return NOT_SUPPORTED;
    if (!begun && !strstr(call, "_init")) return INNER_ERROR;
    return driver_injected_code(call, chip);
}

static int at_place(int card, int place) {
    for (int n = 0; n < scenario->chip_count; n++)
        if (scenario->chips[n].card == card && scenario->chips[n].place == place) return n;
    return -1;
}

static int at_logic(int logic) {
    for (int n = 0; n < scenario->chip_count; n++)
        if (scenario->chips[n].logic == logic) return n;
    return -1;
}

/* Opens a function on a chip: refuses what is no chip, then takes what the scenario has in store. */
#define CHIP(found, argument)                                     \
    int n = (found);                                              \
    if (n < 0) return INVALID_DEVICE;                             \
    if (!(argument)) return INVALID_PARAMETER;                    \
    int code = gate(__func__, n);                                 \
    if (code) return code;                                        \
    const chip_t *chip = &scenario->chips[n];                     \
    const state_t *state = chip_state(scenario, n, driver_now_ms()); \
    (void)chip, (void)state

#define SYSTEM(argument)                                          \
    if (!(argument)) return INVALID_PARAMETER;                    \
    int code = gate(__func__, ALL_DEVICES);                       \
    if (code) return code

static int written(char *to, size_t size, const char *text) {
    if (strlen(text) >= size) return INVALID_PARAMETER;
    strcpy(to, text);
    return SUCCESS;
}

/* --- session, versions, enumeration --- */

static int begin(const char *call) {
    int code = gate(call, ALL_DEVICES);
    if (!code) begun = 1;
    return code;
}

DCMI(dcmi_init)(void) { return begin(__func__); }
DCMI(dcmiv2_init)(void) { return begin(__func__); }
DCMI(dcmi_get_dcmi_version)(char *text, int size) { SYSTEM(text && size > 0); return written(text, (size_t)size, scenario->library); }
DCMI(dcmiv2_get_dcmi_version)(char *text, int size) { SYSTEM(text && size > 0); return written(text, (size_t)size, scenario->library); }
DCMI(dcmi_get_driver_version)(char *text, unsigned size) { SYSTEM(text); return written(text, size, scenario->driver); }

DCMI(dcmi_get_card_list)(int *count, int *cards, int room) {
    SYSTEM(count && cards);
    *count = 0;
    for (int n = 0; n < scenario->chip_count; n++) {
        int known = 0;
        for (int i = 0; i < *count; i++) known |= cards[i] == scenario->chips[n].card;
        if (!known && *count < room) cards[(*count)++] = scenario->chips[n].card;
    }
    return SUCCESS;
}

DCMI(dcmi_get_card_num_list)(int *count, int *cards, int room) { return dcmi_get_card_list(count, cards, room); }

DCMI(dcmi_get_device_num_in_card)(int card, int *count) {
    SYSTEM(count);
    *count = 0;
    for (int n = 0; n < scenario->chip_count; n++)
        if (scenario->chips[n].card == card && scenario->chips[n].place >= *count) *count = scenario->chips[n].place + 1;
    return *count ? SUCCESS : INVALID_DEVICE;
}

DCMI(dcmi_get_device_id_in_card)(int card, int *most, int *mcu, int *cpu) {
    SYSTEM(most && mcu && cpu);
    *mcu = *cpu = -1;
    *most = 0;
    for (int n = 0; n < scenario->chip_count; n++) {
        const chip_t *chip = &scenario->chips[n];
        if (chip->card != card) continue;
        if (chip->type == 0) (*most)++;
        else if (chip->type == 1) *mcu = chip->place;
        else *cpu = chip->place;
    }
    return *most ? SUCCESS : INVALID_DEVICE;
}

/* The list comes first, its length second: so the vendor's header has it, unlike a program of the
 * vendor's own. */
#ifdef COUNT_FIRST
DCMI(dcmiv2_get_device_list)(int *count, int *list, int room) {
#else
DCMI(dcmiv2_get_device_list)(int *list, int *count, int room) {
#endif
    SYSTEM(list && count);
    *count = 0;
    for (int n = 0; n < scenario->chip_count && *count < room; n++) list[(*count)++] = scenario->chips[n].logic;
    return SUCCESS;
}

DCMI(dcmiv2_get_all_device_count)(int *count) { SYSTEM(count); *count = scenario->chip_count; return SUCCESS; }
DCMI(dcmi_get_device_logic_id)(int *logic, int card, int place) { CHIP(at_place(card, place), logic); *logic = chip->logic; return SUCCESS; }
DCMI(dcmi_get_device_phyid_from_logicid)(unsigned logic, unsigned *physical) { CHIP(at_logic((int)logic), physical); *physical = (unsigned)chip->physical; return SUCCESS; }
DCMI(dcmiv2_get_chip_phy_id_by_dev_id)(unsigned logic, unsigned *physical) { CHIP(at_logic((int)logic), physical); *physical = (unsigned)chip->physical; return SUCCESS; }

DCMI(dcmi_get_card_id_device_id_from_logicid)(int *card, int *place, unsigned logic) {
    CHIP(at_logic((int)logic), card && place);
    *card = chip->card;
    *place = chip->place;
    return SUCCESS;
}

#define ON_CHIP(v1, v2, type, value, body)                                                                    \
    DCMI(v1)(int card, int place, type *value) { CHIP(at_place(card, place), value); body; }                  \
    DCMI(v2)(int logic, type *value) { CHIP(at_logic(logic), value); body; }

ON_CHIP(dcmi_get_device_type, dcmiv2_get_device_type, unsigned, type, *type = (unsigned)chip->type; return SUCCESS)

/* --- identity --- */

static int fill_chip(const chip_t *chip, chip_info_v2_t *info) {
    memset(info, 0, sizeof *info);
    snprintf((char *)info->type, 32, "%.31s", chip->kind);
    snprintf((char *)info->name, 32, "%.31s", chip->name);
    snprintf((char *)info->version, 32, "V1");
    snprintf((char *)info->npu_name, 32, "%.31s", chip->npu_name);
    info->aicores = chip->aicores;
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_chip_info_v2, dcmiv2_get_device_chip_info, chip_info_v2_t, info, return fill_chip(chip, info))

DCMI(dcmi_get_device_chip_info)(int card, int place, chip_info_t *info) {
    CHIP(at_place(card, place), info);
    chip_info_v2_t whole;
    fill_chip(chip, &whole);
    memcpy(info, &whole, sizeof *info);
    return SUCCESS;
}

static int fill_die(const chip_t *chip, int type, die_t *die) {
    if (type != chip->die_type) return NOT_SUPPORTED;
    memcpy(die->words, chip->die, sizeof die->words);
    return SUCCESS;
}

DCMI(dcmi_get_device_die_v2)(int card, int place, int type, die_t *die) { CHIP(at_place(card, place), die); return fill_die(chip, type, die); }
DCMI(dcmi_get_device_die)(int card, int place, die_t *die) { CHIP(at_place(card, place), die); return fill_die(chip, chip->die_type, die); }
DCMI(dcmiv2_get_device_die_id)(int logic, int type, die_t *die) { CHIP(at_logic(logic), die); return fill_die(chip, type, die); }

static int fill_label(const chip_t *chip, elabel_t *label) {
    memset(label, 0, sizeof *label);
    snprintf(label->product, 256, "%s", chip->name);
    snprintf(label->manufacturer, 256, "Huawei");
    snprintf(label->serial, 256, "%s", chip->serial);
    return SUCCESS;
}

DCMI(dcmi_get_card_elabel_v2)(int card, elabel_t *label) {
    CHIP(at_place(card, 0), label);
    return fill_label(chip, label);
}

DCMI(dcmiv2_get_device_elabel_info)(int logic, elabel_t *label) { CHIP(at_logic(logic), label); return fill_label(chip, label); }

ON_CHIP(dcmi_get_device_board_info, dcmiv2_get_device_board_info, board_info_t, info,
        *info = (board_info_t){.board = chip->board}; return SUCCESS)

static int fill_pcie(const chip_t *chip, pcie_info_v2_t *info) {
    *info = (pcie_info_v2_t){.vendor = HUAWEI, .subvendor = HUAWEI, .device = 0xd802, .domain = (int)chip->pci[0],
                             .bdf_bus = chip->pci[1], .bdf_device = chip->pci[2], .bdf_function = chip->pci[3]};
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_pcie_info_v2, dcmiv2_get_device_pcie_info, pcie_info_v2_t, info, return fill_pcie(chip, info))

DCMI(dcmi_get_device_pcie_info)(int card, int place, pcie_info_t *info) {
    CHIP(at_place(card, place), info);
    *info = (pcie_info_t){.vendor = HUAWEI, .bdf_bus = chip->pci[1], .bdf_device = chip->pci[2], .bdf_function = chip->pci[3]};
    return SUCCESS;
}

/* --- gauges --- */

static int rate(const chip_t *chip, const state_t *state, int type, unsigned *percent) {
    enum { MEMORY = 1, AICORE = 2, HBM = 6, VECTOR = 12, OVERALL = 13 };
    if (type < 0 || type > 31 || !(chip->rates >> type & 1)) return NOT_SUPPORTED;
    *percent = type == AICORE ? state->aicore : type == VECTOR ? state->vector : type == OVERALL ? state->overall : 0;
    if ((type == MEMORY || type == HBM) && chip->memory_mb) *percent = (unsigned)(state->used_mb * 100 / chip->memory_mb);
    return SUCCESS;
}

DCMI(dcmi_get_device_utilization_rate)(int card, int place, int type, unsigned *percent) { CHIP(at_place(card, place), percent); return rate(chip, state, type, percent); }
DCMI(dcmiv2_get_device_utilization_rate)(int logic, int type, unsigned *percent) { CHIP(at_logic(logic), percent); return rate(chip, state, type, percent); }

static int rates(const chip_t *chip, const state_t *state, multi_utilisation_t *all) {
    if (!chip->multi) return NOT_SUPPORTED;
    *all = (multi_utilisation_t){.aic = state->aicore, .aiv = state->vector, .aicore = state->aicore, .npu = state->overall};
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_multi_utilization_rate, dcmiv2_get_device_multi_utilization_rate, multi_utilisation_t, all, return rates(chip, state, all))
DCMI(dcmi_get_device_multi_utilization_rate_period)(int card, int place, multi_utilisation_t *all) { CHIP(at_place(card, place), all); return rates(chip, state, all); }
DCMI(dcmiv2_get_device_multi_utilization_rate_period)(int logic, multi_utilisation_t *all, int period) { CHIP(at_logic(logic), all && period > 0); return rates(chip, state, all); }

static int hbm(const chip_t *chip, const state_t *state, hbm_info_t *info) {
    if (chip->ddr) return NOT_SUPPORTED;
    *info = (hbm_info_t){.size_mb = chip->memory_mb, .frequency = 1600, .used_mb = state->used_mb, .temperature = chip->temperature};
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_hbm_info, dcmiv2_get_device_hbm_info, hbm_info_t, info, return hbm(chip, state, info))

DCMI(dcmi_get_device_memory_info_v3)(int card, int place, memory_info_t *info) {
    CHIP(at_place(card, place), info);
    if (!chip->ddr) return NOT_SUPPORTED;
    *info = (memory_info_t){.size_mb = chip->memory_mb, .available_mb = chip->memory_mb - state->used_mb, .frequency = 1600};
    return SUCCESS;
}

static int power(const state_t *state, int *tenths) {
    if (state->power_dw == REFUSED) return NOT_SUPPORTED;
    *tenths = state->power_dw;
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_power_info, dcmiv2_get_device_power_info, int, tenths, return power(state, tenths))

DCMI(dcmi_mcu_get_power_info)(int card, int *tenths) {
    SYSTEM(tenths);
    int32_t drawn = card_power_dw(scenario, card, driver_now_ms());
    if (drawn == REFUSED) return NOT_SUPPORTED;
    *tenths = drawn;
    return SUCCESS;
}

ON_CHIP(dcmi_get_device_temperature, dcmiv2_get_device_temperature, int, degrees, *degrees = chip->temperature; return SUCCESS)
ON_CHIP(dcmi_get_device_health, dcmiv2_get_device_health, unsigned, health, *health = state->health; return SUCCESS)

static int faults(int n, int *count, unsigned *found, unsigned room) {
    *count = 0;
    for (size_t i = 0; i < scenario->code_count; i++)
        if (scenario->codes[i].chip == n && span_holds(scenario->codes[i].span, driver_now_ms()) && (unsigned)*count < room)
            found[(*count)++] = scenario->codes[i].code;
    return SUCCESS;
}

DCMI(dcmi_get_device_errorcode_v2)(int card, int place, int *count, unsigned *found, unsigned room) { CHIP(at_place(card, place), count && found); return faults(n, count, found, room); }
DCMI(dcmiv2_get_device_error_code_list)(int logic, int *count, unsigned *found, unsigned room) { CHIP(at_logic(logic), count && found); return faults(n, count, found, room); }

static int ecc(ecc_info_t *info) { *info = (ecc_info_t){.enabled = 1}; return SUCCESS; }
DCMI(dcmi_get_device_ecc_info)(int card, int place, int type, ecc_info_t *info) { (void)type; CHIP(at_place(card, place), info); return ecc(info); }
DCMI(dcmiv2_get_device_ecc_info)(int logic, int type, ecc_info_t *info) { (void)type; CHIP(at_logic(logic), info); return ecc(info); }

/* --- processes: the caller's room is not asked for, the driver lists 32 at most --- */

static int list_processes(int n, process_t *listed, int *count) {
    *count = 0;
    for (size_t i = 0; i < scenario->listed_count && *count < LISTED_AT_MOST; i++) {
        const listed_t *one = &scenario->listed[i];
        if (one->chip == n && span_holds(one->span, driver_now_ms())) listed[(*count)++] = (process_t){one->pid, one->bytes};
    }
    return SUCCESS;
}

DCMI(dcmi_get_device_resource_info)(int card, int place, process_t *listed, int *count) { CHIP(at_place(card, place), listed && count); return list_processes(n, listed, count); }
DCMI(dcmiv2_get_device_proc_mem_info)(int logic, process_t *listed, int *count) { CHIP(at_logic(logic), listed && count); return list_processes(n, listed, count); }

/* --- partitions --- */

static int vnpu_holds(const vnpu_t *vnpu, int n) { return vnpu->chip == n && span_holds(vnpu->span, driver_now_ms()); }

static int fill_total(int n, const chip_t *chip, soc_total_t *total, unsigned *size) {
    if (*size < sizeof *total) return INVALID_PARAMETER;
    if (chip->aic <= 0) return NOT_SUPPORTED;
    memset(total, 0, sizeof *total);
    for (size_t i = 0; i < scenario->vnpu_count && total->count < 32; i++)
        if (vnpu_holds(&scenario->vnpus[i], n)) total->ids[total->count++] = scenario->vnpus[i].id;
    total->computing.aic = chip->aic;
    total->computing.memory_mb = chip->memory_mb;
    *size = sizeof *total;
    return SUCCESS;
}

static int fill_vdev(int n, const chip_t *chip, unsigned what, vdev_query_t *query, unsigned *size) {
    if (*size < sizeof *query) return INVALID_PARAMETER;
    if (what == VDEV_ACTIVITY && strncmp(chip->name, "310P", 4)) return NOT_SUPPORTED;
    for (size_t i = 0; i < scenario->vnpu_count; i++) {
        const vnpu_t *vnpu = &scenario->vnpus[i];
        if (vnpu->id != query->id || !vnpu_holds(vnpu, n)) continue;
        memset(&query->info, 0, sizeof query->info);
        query->info.in_container = vnpu->in_container;
        query->info.container = vnpu->container;
        query->info.computing.aic = vnpu->aic;
        query->info.computing.memory_mb = vnpu->memory_mb;
        query->info.computing.utilisation = what == VDEV_ACTIVITY ? vnpu->percent : 0;
        return SUCCESS;
    }
    return INVALID_DEVICE;
}

static int ask(int n, const chip_t *chip, int command, unsigned what, void *buffer, unsigned *size) {
    if (command != COMMAND_VDEV) return NOT_SUPPORTED;
    if (what == VDEV_TOTAL) return fill_total(n, chip, buffer, size);
    if (what == VDEV_RESOURCE || what == VDEV_ACTIVITY) return fill_vdev(n, chip, what, buffer, size);
    return NOT_SUPPORTED;
}

DCMI(dcmi_get_device_info)(int card, int place, int command, unsigned what, void *buffer, unsigned *size) { CHIP(at_place(card, place), buffer && size); return ask(n, chip, command, what, buffer, size); }
DCMI(dcmiv2_get_device_info)(int logic, int command, unsigned what, void *buffer, unsigned *size) { CHIP(at_logic(logic), buffer && size); return ask(n, chip, command, what, buffer, size); }

/* --- there, but with nothing to say --- */

#define SILENT(name) DCMI(name)(int card, int place) { CHIP(at_place(card, place), 1); return NOT_SUPPORTED; }
SILENT(dcmi_get_device_voltage)
SILENT(dcmi_get_device_frequency)
SILENT(dcmi_get_device_ip)
SILENT(dcmi_get_device_gateway)
SILENT(dcmi_get_device_network_health)
SILENT(dcmi_get_device_boot_status)
SILENT(dcmi_get_device_fan_count)
SILENT(dcmi_get_device_dvpp_ratio_info)
SILENT(dcmi_get_affinity_cpu_info_by_device_id)
SILENT(dcmi_get_topo_info_by_device_id)
