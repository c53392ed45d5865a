/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_MODULE_H
#define DEALFSM_MODULE_H

/* The one exported symbol, the manifest and the negotiation. */

#include "machine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The exported function, by name and as a type for dlsym. */
#define DEALFSM_MODULE_SYMBOL "dealfsm_module_v1"

/* The range of ABI minors (of DEALFSM_ABI_MAJOR) that the host can work with. */
typedef struct dealfsm_offer {
    uint32_t struct_size;
    uint32_t minor_min;
    uint32_t minor_max;
} dealfsm_offer;

/* Negotiates: on success *functions is the module's table of the highest common minor, valid until the process ends.
 * DEALFSM_E_ABI: no common minor (text names both ranges); DEALFSM_E_ARGUMENT; DEALFSM_E_TOO_NEW. Nothing is initialised; may
 * be called as often as wanted. [any] */
typedef int32_t dealfsm_module_fn(const dealfsm_offer *offer, const dealfsm_functions **functions,
                                  dealfsm_error *error);

/* The manifest stands in an ELF note, so that it can be read without loading or running the file: section
 * ".note.dealfsm", name "dealfsm", type DEALFSM_NOTE_MANIFEST, description: text that ends with NUL, a line per key,
 *   name: dealfsm-client
 *   machine: client 0.5.6
 *   abi: 1.0-1.0
 *   reads: client 0.5.6
 *   writes: client 0.5.6
 *   needs: environment/1
 *   uses: store/1, log/1, rest/1
 *   offers: describe/1, record/1
 * with values separated by ", ". abi is MAJOR.MIN-MAJOR.MAX; reads and writes name the machine versions whose snapshots
 * `restore` takes and `snapshot` can give. Unknown keys are ignored. `manifest` of the function table is the same text; a
 * loader compares them. */
#define DEALFSM_NOTE_SECTION ".note.dealfsm"
#define DEALFSM_NOTE_NAME "dealfsm"
#define DEALFSM_NOTE_MANIFEST 1u

#ifdef __cplusplus
}
#endif
#endif
