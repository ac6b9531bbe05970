/* What every fake driver shares: the scenario file's lines, its clock, and what can go wrong with a
 * call. What a driver shows of its devices stands with that driver. */
#ifndef KASHI_FAKE_DRIVER_H
#define KASHI_FAKE_DRIVER_H

#include <stddef.h>
#include <stdint.h>

enum { DEVICES_MAX = 64, FAULTS_MAX = 1024, LATENCIES_MAX = 64, TEXT_MAX = 96, ALL_DEVICES = -1 };

#define FOREVER INT64_MAX

/* Half-open, in milliseconds of the scenario's own time. */
typedef struct {
    int64_t from_ms;
    int64_t to_ms;
} span_t;

typedef struct {
    const char *library;  /* the name it complains under */
    const char *variable; /* of the environment: names the scenario file */
    int lost_code;        /* what every call on a lost device answers */
    int (*statement)(const char *word, const char *rest); /* a line of its own; 0: no such word */
} driver_t;

/* Reads the scenario. Ends the program with status 70 and the line's number when it cannot. */
void driver_load(const driver_t *driver);

/* For statements: complain of the line being read, or take its parts. */
void driver_refuse(const char *why) __attribute__((noreturn));
void *driver_grown(void *first, size_t *count, size_t limit, size_t size);
int64_t driver_instant(const char *text);          /* "-" is for ever */
uint64_t driver_bytes_or_untold(const char *text); /* "-": UINT64_MAX, the driver does not tell */
int driver_device(const char *text);               /* "*": ALL_DEVICES; a new number counts */
int driver_device_count(void);

/* Milliseconds since the scenario began, by CLOCK_BOOTTIME or by the control file. */
int64_t driver_now_ms(void);
int span_holds(span_t span, int64_t now_ms);

/* What stands before a call, in this order: its latency; a hang, until it is over; an injected
 * code, which is returned (0: none). */
void driver_take_time(const char *call);
void driver_wait_while_hung(const char *call, int device);
int driver_injected_code(const char *call, int device);

#endif
