/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef STAND_IN_H
#define STAND_IN_H

/* A module whose deals do nothing but count events, for tests of the host library. Each .c file here includes it, and
 * says with macros what is different about it:
 *   STAND_IN_VERSION    the machine version in the manifest
 *   STAND_IN_DESCRIBED  the machine version that describe/1 tells
 *   STAND_IN_NOTE       the manifest in the note
 *   STAND_IN_OFFERS     the interfaces in the manifest
 *   STAND_IN_SYMBOL     the name of the exported function
 * A machine refuses a deal with id 666 when it is created, logs when one with id 555 is, and is busy as long as it
 * holds a deal with id 999. */

#include <dealfsm/describe.h>
#include <dealfsm/module.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef STAND_IN_VERSION
#define STAND_IN_VERSION "client 0.0.1"
#endif
#ifndef STAND_IN_DESCRIBED
#define STAND_IN_DESCRIBED STAND_IN_VERSION
#endif
#ifndef STAND_IN_OFFERS
#define STAND_IN_OFFERS "describe/1"
#endif
#define STAND_IN_TEXT(version)                                                                                         \
    "name: stand-in\nmachine: " version "\nabi: 1.0-1.0\nreads: client 0.0.1, client 0.0.2\nwrites: " version          \
    "\nneeds: environment/1\nuses: log/1\noffers: " STAND_IN_OFFERS "\n"
#define STAND_IN_MANIFEST STAND_IN_TEXT(STAND_IN_VERSION)
#ifndef STAND_IN_NOTE
#define STAND_IN_NOTE STAND_IN_MANIFEST
#endif
#ifndef STAND_IN_SYMBOL
#define STAND_IN_SYMBOL dealfsm_module_v1
#endif

enum { STAND_IN_DEALS = 4096, STAND_IN_SUBSCRIPTIONS = 64 };

struct dealfsm_machine {
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* a notify has returned */
    const dealfsm_log_v1 *log;
    uint32_t count;
    uint64_t deals[STAND_IN_DEALS]; /* 0: none */
    uint64_t sequences[STAND_IN_DEALS];
    dealfsm_subscription subscriptions[STAND_IN_SUBSCRIPTIONS]; /* notify NULL: none */
    uint32_t running[STAND_IN_SUBSCRIPTIONS];
};

static int32_t stand_in_say(dealfsm_error *error, int32_t code, const char *text)
{
    if (error != NULL && error->code == 0) {
        error->code = code;
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return code;
}

static int32_t stand_in_find(dealfsm_machine *machine, uint64_t deal)
{
    for (int32_t i = 0; i < STAND_IN_DEALS; i++) {
        if (machine->deals[i] == deal && deal != 0)
            return i;
    }
    return DEALFSM_E_NOT_FOUND;
}

static int32_t stand_in_open(const dealfsm_services *services, dealfsm_machine **machine, dealfsm_error *error)
{
    const dealfsm_environment *environment = services->service(services->ctx, "environment/1");
    if (environment == NULL || environment->GetChainHead == NULL)
        return stand_in_say(error, DEALFSM_E_MISSING, "environment/1 needs GetChainHead");
    *machine = calloc(1, sizeof **machine);
    if (*machine == NULL)
        return stand_in_say(error, DEALFSM_E_NO_MEMORY, "no memory");
    (*machine)->log = services->service(services->ctx, "log/1");
    pthread_mutex_init(&(*machine)->lock, NULL);
    pthread_cond_init(&(*machine)->quiet, NULL);
    return DEALFSM_OK;
}

static int32_t stand_in_close(dealfsm_machine *machine, dealfsm_error *error)
{
    if (stand_in_find(machine, 999) >= 0)
        return stand_in_say(error, DEALFSM_E_BUSY, "deal 999 is busy");
    for (uint32_t i = 0; i < STAND_IN_SUBSCRIPTIONS; i++) {
        if (machine->subscriptions[i].notify != NULL && machine->subscriptions[i].ended != NULL)
            machine->subscriptions[i].ended(machine->subscriptions[i].ctx);
    }
    pthread_cond_destroy(&machine->quiet);
    pthread_mutex_destroy(&machine->lock);
    free(machine);
    return DEALFSM_OK;
}

static int32_t stand_in_add(dealfsm_machine *machine, uint64_t deal, uint64_t sequence, dealfsm_error *error)
{
    int32_t result = DEALFSM_E_NO_MEMORY;
    pthread_mutex_lock(&machine->lock);
    if (stand_in_find(machine, deal) >= 0)
        result = DEALFSM_E_EXISTS;
    else if (deal == 666 || deal == 0)
        result = DEALFSM_E_ARGUMENT;
    for (uint32_t i = 0; i < STAND_IN_DEALS && result == DEALFSM_E_NO_MEMORY; i++) {
        if (machine->deals[i] == 0) {
            machine->deals[i] = deal;
            machine->sequences[i] = sequence;
            machine->count++;
            result = DEALFSM_OK;
        }
    }
    pthread_mutex_unlock(&machine->lock);
    return result < 0 ? stand_in_say(error, result, "the stand-in takes no such deal") : result;
}

static int32_t stand_in_create(dealfsm_machine *machine, const dealfsm_record *terms, uint64_t *revision,
                               dealfsm_error *error)
{
    if (revision != NULL)
        *revision = 1;
    for (uint32_t level = DEALFSM_LOG_ERROR; level <= DEALFSM_LOG_INFO && terms->id == 555; level++)
        machine->log->log(machine->log->ctx, level, terms->id, "two\nlines\x1b");
    return stand_in_add(machine, terms->id, 0, error);
}

/* Tells one subscription; with the lock held, which is let go of meanwhile. */
static void stand_in_tell(dealfsm_machine *machine, uint32_t i, const dealfsm_notice *notice)
{
    dealfsm_subscription subscription = machine->subscriptions[i];
    if (subscription.notify == NULL)
        return;
    if ((subscription.flags & DEALFSM_SUBSCRIBE_ALL) == 0 && subscription.deal != notice->deal)
        return;
    machine->running[i]++;
    pthread_mutex_unlock(&machine->lock);
    subscription.notify(subscription.ctx, notice);
    pthread_mutex_lock(&machine->lock);
    machine->running[i]--;
    pthread_cond_broadcast(&machine->quiet);
}

static int32_t stand_in_dispatch(dealfsm_machine *machine, uint64_t deal, const dealfsm_event *event,
                                 uint64_t *revision, dealfsm_error *error)
{
    pthread_mutex_lock(&machine->lock);
    int32_t found = stand_in_find(machine, deal);
    if (found >= 0) {
        dealfsm_notice notice = {.struct_size = sizeof notice,
                                 .kind = DEALFSM_NOTICE_APPLIED,
                                 .deal = deal,
                                 .sequence = ++machine->sequences[found],
                                 .reason_text = "",
                                 .event = event};
        if (revision != NULL)
            *revision = notice.sequence;
        for (uint32_t i = 0; i < STAND_IN_SUBSCRIPTIONS; i++)
            stand_in_tell(machine, i, &notice);
    }
    pthread_mutex_unlock(&machine->lock);
    return found >= 0 ? DEALFSM_APPLIED : stand_in_say(error, found, "no such deal");
}

static int32_t stand_in_complete(dealfsm_machine *machine, const dealfsm_answer *answer, dealfsm_error *error)
{
    return stand_in_dispatch(machine, answer->deal, NULL, NULL, error);
}

static int32_t stand_in_retry(dealfsm_machine *machine, uint64_t deal, uint64_t *revision, dealfsm_error *error)
{
    return stand_in_dispatch(machine, deal, NULL, revision, error);
}

static int32_t stand_in_query(dealfsm_machine *machine, uint64_t deal, dealfsm_deal *out, dealfsm_error *error)
{
    pthread_mutex_lock(&machine->lock);
    int32_t found = stand_in_find(machine, deal);
    if (found >= 0)
        out->sequence = machine->sequences[found];
    pthread_mutex_unlock(&machine->lock);
    return found >= 0 ? DEALFSM_OK : stand_in_say(error, found, "no such deal");
}

static int32_t stand_in_list(dealfsm_machine *machine, const uint64_t *after, uint64_t *ids, uint64_t capacity,
                             uint64_t *count, dealfsm_error *error)
{
    (void)error;
    uint64_t last = after != NULL ? *after : 0;
    *count = 0;
    pthread_mutex_lock(&machine->lock);
    while (*count < capacity) {
        uint64_t next = 0;
        for (uint32_t i = 0; i < STAND_IN_DEALS; i++) {
            uint64_t deal = machine->deals[i];
            if (deal > last && (next == 0 || deal < next))
                next = deal;
        }
        if (next == 0)
            break;
        ids[(*count)++] = last = next;
    }
    pthread_mutex_unlock(&machine->lock);
    return DEALFSM_OK;
}

static int32_t stand_in_subscribe(dealfsm_machine *machine, const dealfsm_subscription *subscription, uint64_t *id,
                                  dealfsm_error *error)
{
    int32_t result = DEALFSM_E_NO_MEMORY;
    pthread_mutex_lock(&machine->lock);
    if ((subscription->flags & DEALFSM_SUBSCRIBE_ALL) == 0 && stand_in_find(machine, subscription->deal) < 0)
        result = DEALFSM_E_NOT_FOUND;
    for (uint32_t i = 0; i < STAND_IN_SUBSCRIPTIONS && result == DEALFSM_E_NO_MEMORY; i++) {
        if (machine->subscriptions[i].notify == NULL && machine->running[i] == 0) {
            machine->subscriptions[i] = *subscription;
            *id = i + 1;
            result = DEALFSM_OK;
        }
    }
    pthread_mutex_unlock(&machine->lock);
    return result < 0 ? stand_in_say(error, result, "cannot subscribe") : result;
}

/* Always waits for runs, so it must not be called inside a callback of this machine. */
static int32_t stand_in_unsubscribe(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    pthread_mutex_lock(&machine->lock);
    dealfsm_subscription ended = machine->subscriptions[id - 1];
    machine->subscriptions[id - 1].notify = NULL;
    while (machine->running[id - 1] > 0)
        pthread_cond_wait(&machine->quiet, &machine->lock);
    pthread_mutex_unlock(&machine->lock);
    if (ended.notify == NULL)
        return stand_in_say(error, DEALFSM_E_NOT_FOUND, "no such subscription");
    if (ended.ended != NULL)
        ended.ended(ended.ctx);
    return DEALFSM_OK;
}

static int32_t stand_in_snapshot(dealfsm_machine *machine, uint64_t deal, dealfsm_snapshot *out, dealfsm_error *error)
{
    pthread_mutex_lock(&machine->lock);
    int32_t found = stand_in_find(machine, deal);
    if (found >= 0) {
        out->deal = deal;
        out->sequence = machine->sequences[found];
        out->machine_version = STAND_IN_VERSION;
    }
    pthread_mutex_unlock(&machine->lock);
    return found >= 0 ? DEALFSM_OK : stand_in_say(error, found, "no such deal");
}

static int32_t stand_in_restore(dealfsm_machine *machine, const dealfsm_snapshot *snapshot, dealfsm_error *error)
{
    return stand_in_add(machine, snapshot->deal, snapshot->sequence, error);
}

static int32_t stand_in_freeze(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    return stand_in_query(machine, deal, &shown, error);
}

static int32_t stand_in_thaw(dealfsm_machine *machine, uint64_t deal, uint64_t last_revision, uint64_t *revision,
                             dealfsm_error *error)
{
    (void)last_revision;
    return stand_in_dispatch(machine, deal, NULL, revision, error);
}

/* Subscriptions to the deal end with it. */
static int32_t stand_in_remove(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error)
{
    pthread_mutex_lock(&machine->lock);
    int32_t found = stand_in_find(machine, deal);
    if (found >= 0) {
        machine->deals[found] = 0;
        machine->count--;
    }
    for (uint32_t i = 0; i < STAND_IN_SUBSCRIPTIONS && found >= 0; i++) {
        dealfsm_subscription ended = machine->subscriptions[i];
        if (ended.notify == NULL || (ended.flags & DEALFSM_SUBSCRIBE_ALL) != 0 || ended.deal != deal)
            continue;
        machine->subscriptions[i].notify = NULL;
        pthread_mutex_unlock(&machine->lock);
        if (ended.ended != NULL)
            ended.ended(ended.ctx);
        pthread_mutex_lock(&machine->lock);
    }
    pthread_mutex_unlock(&machine->lock);
    return found >= 0 ? DEALFSM_OK : stand_in_say(error, found, "no such deal");
}

static int32_t stand_in_stored(dealfsm_machine *machine, uint64_t deal, uint64_t revision, int32_t outcome,
                               dealfsm_error *error)
{
    (void)revision;
    return outcome == DEALFSM_PUT_LOST ? stand_in_remove(machine, deal, error)
                                       : stand_in_dispatch(machine, deal, NULL, NULL, error);
}

static int32_t stand_in_counters(dealfsm_machine *machine, dealfsm_counters *out, dealfsm_error *error)
{
    (void)error;
    pthread_mutex_lock(&machine->lock);
    out->deals = machine->count;
    out->applied = 0;
    for (uint32_t i = 0; i < STAND_IN_DEALS; i++)
        out->applied += machine->deals[i] != 0 ? machine->sequences[i] : 0;
    pthread_mutex_unlock(&machine->lock);
    return DEALFSM_OK;
}

#ifndef STAND_IN_DESCRIBE_SIZE
#define STAND_IN_DESCRIBE_SIZE sizeof stand_in_describe
#endif
static const dealfsm_describe_v1 stand_in_describe = {.struct_size = STAND_IN_DESCRIBE_SIZE,
                                                      .machine_version = STAND_IN_DESCRIBED};

static const void *stand_in_interface(const char *id)
{
    return strcmp(id, "describe/1") == 0 ? &stand_in_describe : NULL;
}

static const dealfsm_functions stand_in_functions = {
    .struct_size = sizeof stand_in_functions,
    .abi_minor = 0,
    .manifest = STAND_IN_MANIFEST,
    .interface = stand_in_interface,
    .open = stand_in_open,
    .close = stand_in_close,
    .create = stand_in_create,
    .dispatch = stand_in_dispatch,
    .complete = stand_in_complete,
    .stored = stand_in_stored,
    .retry = stand_in_retry,
    .query = stand_in_query,
    .list = stand_in_list,
    .subscribe = stand_in_subscribe,
    .unsubscribe = stand_in_unsubscribe,
    .snapshot = stand_in_snapshot,
    .restore = stand_in_restore,
    .activate = stand_in_retry,
    .freeze = stand_in_freeze,
#ifndef STAND_IN_WITHOUT_THAW
    .thaw = stand_in_thaw,
#endif
    .drop = stand_in_remove,
    .forget = stand_in_remove,
    .release = stand_in_remove,
    .counters = stand_in_counters,
};

dealfsm_module_fn STAND_IN_SYMBOL;

int32_t STAND_IN_SYMBOL(const dealfsm_offer *offer, const dealfsm_functions **functions, dealfsm_error *error)
{
    (void)offer;
#ifdef STAND_IN_WITHOUT_THAW
    (void)stand_in_thaw;
#endif
#ifdef STAND_IN_REFUSAL
    (void)functions;
    (void)stand_in_functions;
    return stand_in_say(error, DEALFSM_E_ABI, STAND_IN_REFUSAL);
#else
    (void)error;
    *functions = &stand_in_functions;
    return DEALFSM_OK;
#endif
}

#ifndef STAND_IN_WITHOUT_NOTE
static const struct {
    uint32_t name_size, text_size, type;
    char name[sizeof DEALFSM_NOTE_NAME];
    char text[sizeof STAND_IN_NOTE];
} stand_in_note __attribute__((section(DEALFSM_NOTE_SECTION), used, aligned(4))) = {
    sizeof DEALFSM_NOTE_NAME, sizeof STAND_IN_NOTE, DEALFSM_NOTE_MANIFEST, DEALFSM_NOTE_NAME, STAND_IN_NOTE};
#endif

#endif
