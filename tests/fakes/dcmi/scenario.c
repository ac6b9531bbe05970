/* Parsing of what a scenario says of Ascend chips. */
#define _GNU_SOURCE
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static scenario_t scenario;

static int32_t power(const char *text) { return strcmp(text, "-") ? (int32_t)strtol(text, NULL, 10) : REFUSED; }

static void parse_rates(chip_t *chip, const char *types) {
    char copy[TEXT_MAX];
    snprintf(copy, sizeof copy, "%s", types);
    chip->rates = 0;
    for (char *type = strtok(copy, ","); type; type = strtok(NULL, ",")) chip->rates |= 1u << atoi(type);
}

static void parse_chip(const char *rest) {
    char number[16], field[32];
    int taken = 0;
    if (sscanf(rest, "%15s %31s %n", number, field, &taken) != 2 || !taken) driver_refuse("chip N FIELD VALUE");
    chip_t *chip = &scenario.chips[driver_device(number)];
    const char *value = rest + taken;
    if (!strcmp(field, "kind")) snprintf(chip->kind, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "name")) snprintf(chip->name, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "npu_name")) snprintf(chip->npu_name, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "serial")) snprintf(chip->serial, TEXT_MAX, "%s", value);
    else if (!strcmp(field, "card")) chip->card = atoi(value);
    else if (!strcmp(field, "place")) chip->place = atoi(value);
    else if (!strcmp(field, "logic")) chip->logic = atoi(value);
    else if (!strcmp(field, "physical")) chip->physical = atoi(value);
    else if (!strcmp(field, "type")) chip->type = atoi(value);
    else if (!strcmp(field, "aicores")) chip->aicores = (uint32_t)atoi(value);
    else if (!strcmp(field, "board")) chip->board = (uint32_t)strtoul(value, NULL, 0);
    else if (!strcmp(field, "die_type")) chip->die_type = atoi(value);
    else if (!strcmp(field, "memory_mb")) chip->memory_mb = strtoull(value, NULL, 10);
    else if (!strcmp(field, "ddr")) chip->ddr = atoi(value);
    else if (!strcmp(field, "rates")) parse_rates(chip, value);
    else if (!strcmp(field, "multi")) chip->multi = atoi(value);
    else if (!strcmp(field, "aic")) chip->aic = strtof(value, NULL);
    else if (!strcmp(field, "temperature")) chip->temperature = atoi(value);
    else if (!strcmp(field, "die")) {
        if (sscanf(value, "%x %x %x %x %x", &chip->die[0], &chip->die[1], &chip->die[2], &chip->die[3], &chip->die[4]) != 5)
            driver_refuse("chip N die and five words in hexadecimal");
    } else if (!strcmp(field, "pci")) {
        if (sscanf(value, "%x:%x:%x.%x", &chip->pci[0], &chip->pci[1], &chip->pci[2], &chip->pci[3]) != 4)
            driver_refuse("chip N pci DOMAIN:BUS:DEVICE.FUNCTION");
    } else driver_refuse("no such field of a chip");
}

/* States of one chip follow each other in the file, in order of time. */
static void parse_state(const char *rest) {
    char number[16], drawn[24];
    state_t state;
    if (sscanf(rest, "%15s %" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %23s %" SCNu32, number, &state.from_ms,
               &state.aicore, &state.vector, &state.overall, &state.used_mb, drawn, &state.health) != 8)
        driver_refuse("state N FROM AICORE% VECTOR% OVERALL% USED_MB POWER_DW HEALTH");
    state.power_dw = power(drawn);
    chip_t *chip = &scenario.chips[driver_device(number)];
    if (!chip->state_count) chip->state_first = scenario.state_count;
    else if (chip->state_first + chip->state_count != scenario.state_count)
        driver_refuse("states of one chip must stand together");
    else if (scenario.states[scenario.state_count - 1].from_ms >= state.from_ms)
        driver_refuse("states must stand in order of time");
    *(state_t *)driver_grown(scenario.states, &scenario.state_count, STATES_MAX, sizeof(state_t)) = state;
    chip->state_count++;
}

static void parse_listed(const char *rest) {
    char number[16], from[24], to[24];
    listed_t *listed = driver_grown(scenario.listed, &scenario.listed_count, LISTED_MAX, sizeof(listed_t));
    if (sscanf(rest, "%15s %d %" SCNu64 " %23s %23s", number, &listed->pid, &listed->bytes, from, to) != 5)
        driver_refuse("process N PID BYTES FROM TO");
    listed->chip = driver_device(number);
    listed->span = (span_t){driver_instant(from), driver_instant(to)};
}

static void parse_code(const char *rest) {
    char number[16], from[24], to[24];
    code_t *code = driver_grown(scenario.codes, &scenario.code_count, CODES_MAX, sizeof(code_t));
    if (sscanf(rest, "%15s %x %23s %23s", number, &code->code, from, to) != 4) driver_refuse("code N HEX FROM TO");
    code->chip = driver_device(number);
    code->span = (span_t){driver_instant(from), driver_instant(to)};
}

static void parse_card_power(const char *rest) {
    char drawn[24];
    card_power_t *card = driver_grown(scenario.card_powers, &scenario.card_power_count, CARD_POWERS_MAX, sizeof(card_power_t));
    if (sscanf(rest, "%d %" SCNd64 " %23s", &card->card, &card->from_ms, drawn) != 3) driver_refuse("card_power CARD FROM POWER_DW");
    card->power_dw = power(drawn);
}

static void parse_vnpu(const char *rest) {
    char number[16], container[24], from[24], to[24];
    vnpu_t *vnpu = driver_grown(scenario.vnpus, &scenario.vnpu_count, VNPUS_MAX, sizeof(vnpu_t));
    if (sscanf(rest, "%15s %" SCNu32 " %f %" SCNu64 " %" SCNu32 " %23s %23s %23s", number, &vnpu->id, &vnpu->aic,
               &vnpu->memory_mb, &vnpu->percent, container, from, to) != 8)
        driver_refuse("vnpu N ID AIC MEMORY_MB UTILISATION% CONTAINER FROM TO");
    vnpu->chip = driver_device(number);
    vnpu->in_container = strcmp(container, "-") != 0;
    vnpu->container = vnpu->in_container ? strtoull(container, NULL, 16) : UINT64_MAX;
    vnpu->span = (span_t){driver_instant(from), driver_instant(to)};
}

static int statement(const char *word, const char *rest) {
    if (!strcmp(word, "api")) scenario.api = atoi(rest);
    else if (!strcmp(word, "driver")) snprintf(scenario.driver, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "library")) snprintf(scenario.library, TEXT_MAX, "%s", rest);
    else if (!strcmp(word, "chip")) parse_chip(rest);
    else if (!strcmp(word, "state")) parse_state(rest);
    else if (!strcmp(word, "process")) parse_listed(rest);
    else if (!strcmp(word, "code")) parse_code(rest);
    else if (!strcmp(word, "card_power")) parse_card_power(rest);
    else if (!strcmp(word, "vnpu")) parse_vnpu(rest);
    else return 0;
    return 1;
}

const scenario_t *scenario_load(void) {
    enum { NOT_READY = -8012 };
    static const driver_t dcmi = {"libdcmi", "KASHI_FAKE_DCMI", NOT_READY, statement};
    scenario.api = 1;
    driver_load(&dcmi);
    scenario.chip_count = driver_device_count();
    return &scenario;
}

const state_t *chip_state(const scenario_t *from, int number, int64_t now_ms) {
    static const state_t nothing = {.power_dw = REFUSED};
    const chip_t *chip = &from->chips[number];
    const state_t *found = &nothing;
    for (size_t i = 0; i < chip->state_count; i++) {
        const state_t *state = &from->states[chip->state_first + i];
        if (state->from_ms > now_ms) break;
        found = state;
    }
    return found;
}

int32_t card_power_dw(const scenario_t *from, int card, int64_t now_ms) {
    int32_t found = REFUSED;
    for (size_t i = 0; i < from->card_power_count; i++)
        if (from->card_powers[i].card == card && from->card_powers[i].from_ms <= now_ms) found = from->card_powers[i].power_dw;
    return found;
}
