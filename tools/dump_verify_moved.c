/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which machine versions had a deal before its own: what they allow, its record may still show. */
#include <inttypes.h>
#include <string.h>

#include "dump_verify.h"

typedef struct past {
    store_view *view;
    verify_allows_fn *allows;
    const char *allowed; /* the version that does; NULL: none so far */
    const char *missing; /* a version that no module is there of; NULL: none */
    uint64_t told;       /* applied events from the first on, without a gap */
} past;

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    past *p = ctx;
    if (event->kind == DEALFSM_HAPPENED_APPLIED && event->sequence == p->told + 1) {
        p->told++;
    }
    if (event->kind != DEALFSM_HAPPENED_MOVED) {
        return 0;
    }
    words version = {.arena = p->view->arena};
    words_add(&version, "%.*s", (int)event->message_len, event->message);
    const dump_module *module = dump_module_of(p->view->modules, words_text(&version));
    if (module == NULL) {
        p->missing = words_text(&version);
    } else if (p->allows(&module->machine)) {
        p->allowed = words_text(&version);
    }
    return 0;
}

verify_verdict verify_allowed_before(store_view *view, const deal_row *it, verify_allows_fn *allows, words *text)
{
    dealfsm_error error = {.struct_size = sizeof error};
    past p = {.view = view, .allows = allows};
    store_walked(view, dealfsm_store_history(view->store, &it->row->deal, take_event, &p, &error), &error);
    if (p.allowed != NULL) {
        words_add(text, "; %s, which had the deal before, allows that", p.allowed);
        return VERIFY_NOTED;
    }
    if (p.missing != NULL) {
        words_add(text, "; no module is there for %s, which had the deal before: it may allow that", p.missing);
        return VERIFY_UNCHECKED;
    }
    if ((it->row->flags & DEALFSM_ROW_BARE) != 0 || p.told < it->row->sequence) {
        words_add(text, "; its history is not whole: a machine version that allows that may have had the deal before");
        return VERIFY_UNCHECKED;
    }
    return VERIFY_BROKEN;
}
