/* Structures of DCMI as a 64-bit Linux lays them out. The sizes and offsets asserted here are facts
 * about the vendor's library; the agent's own binding is compared with these structures by a test. */
#ifndef KASHI_FAKE_DCMI_LAYOUTS_H
#define KASHI_FAKE_DCMI_LAYOUTS_H

#include <stddef.h>

typedef struct { unsigned char type[32], name[32], version[32]; unsigned aicores; } chip_info_t;
typedef struct { unsigned char type[32], name[32], version[32]; unsigned aicores; unsigned char npu_name[32]; } chip_info_v2_t;
typedef struct { unsigned device, vendor, subvendor, subdevice, bdf_device, bdf_bus, bdf_function; } pcie_info_t;
typedef struct { unsigned vendor, subvendor, device, subdevice; int domain; unsigned bdf_bus, bdf_device, bdf_function; unsigned char reserved[32]; } pcie_info_v2_t;
typedef struct { unsigned words[5]; } die_t;
typedef struct { unsigned board, pcb, bom, slot; } board_info_t;
typedef struct { char product[256], model[256], manufacturer[256], date[256], serial[256]; } elabel_t;
typedef struct { unsigned long long size_mb; unsigned frequency; unsigned long long used_mb; int temperature; unsigned bandwidth; } hbm_info_t;
typedef struct { unsigned long long size_mb, available_mb; unsigned frequency; unsigned long huge_kb, huge_total, huge_free; unsigned utilisation; unsigned char reserved[60]; } memory_info_t;
typedef struct { unsigned aic, aiv, aicore, npu, reserved[8]; } multi_utilisation_t;
typedef struct { int pid; unsigned long bytes; } process_t;
typedef struct { int enabled; unsigned single, doubled, single_total, double_total, single_pages, double_pages, single_next, double_next; } ecc_info_t;

typedef struct { unsigned long long token, token_max, timeout; unsigned group; unsigned char vip, reserved[31]; } base_resource_t;
typedef struct {
    float aic, aiv;
    unsigned short dsa, rtsq, acsq, cdqm, c_core, ffts, sdma, pcie_dma;
    unsigned long long memory_mb;
    unsigned event, notify, stream, model;
    unsigned short topic_aicpu, host_ctrl_cpu, host_aicpu, device_aicpu, topic_ctrl_slot;
    unsigned utilisation;
    unsigned long long memory_total, memory_free;
    unsigned char reserved[12];
} computing_resource_t;
typedef struct { float jpegd, jpege, vpc, vdec, pngd, venc; unsigned char reserved[32]; } media_resource_t;
typedef struct {
    char name[16];
    unsigned status, in_container, vfid, group;
    unsigned long long container;
    base_resource_t base;
    computing_resource_t computing;
    media_resource_t media;
} vdev_info_t;
typedef struct { unsigned id; vdev_info_t info; } vdev_query_t;
typedef struct { unsigned count, ids[32], group_count, group_bitmap; base_resource_t base; computing_resource_t computing; media_resource_t media; } soc_total_t;
typedef struct { unsigned group_count, group_bitmap; base_resource_t base; computing_resource_t computing; media_resource_t media; } soc_free_t;

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#define AT(type, field, place) _Static_assert(offsetof(type, field) == (place), #type "." #field)

SIZE(chip_info_t, 100);
SIZE(chip_info_v2_t, 132);
AT(chip_info_v2_t, aicores, 96);
SIZE(pcie_info_v2_t, 64);
SIZE(die_t, 20);
SIZE(board_info_t, 16);
SIZE(elabel_t, 1280);
SIZE(hbm_info_t, 32);
AT(hbm_info_t, size_mb, 0);
AT(hbm_info_t, frequency, 8);
AT(hbm_info_t, used_mb, 16);
AT(hbm_info_t, temperature, 24);
AT(hbm_info_t, bandwidth, 28);
SIZE(memory_info_t, 112); /* the vendor's own remark says 96 */
SIZE(multi_utilisation_t, 48);
SIZE(process_t, 16);
AT(process_t, pid, 0);
AT(process_t, bytes, 8);
SIZE(ecc_info_t, 36);
SIZE(soc_total_t, 360);
AT(soc_total_t, count, 0);
AT(soc_total_t, ids, 4);
SIZE(soc_free_t, 224);
SIZE(vdev_query_t, 264);
AT(vdev_query_t, id, 0);
AT(vdev_query_t, info, 8);
AT(vdev_info_t, container, 32);
AT(vdev_info_t, computing, 104);
AT(computing_resource_t, utilisation, 60);
AT(computing_resource_t, memory_total, 64);
AT(computing_resource_t, memory_free, 72);

#endif
