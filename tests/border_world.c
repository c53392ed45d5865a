/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kit's services: store/1, environment/1, log/1, rest/1. */
#include "border_world.h"

#include <stdarg.h>

void kit_note(kit *k, const char *format, ...)
{
    size_t used = strlen(k->journal);
    va_list list;
    if (k->quiet || k->dead)
        return;
    if (used > 0)
        used += (size_t)snprintf(k->journal + used, sizeof k->journal - used, "; ");
    MUST(used < sizeof k->journal - 256);
    va_start(list, format);
    vsnprintf(k->journal + used, sizeof k->journal - used, format, list);
    va_end(list);
}

/* The next letter of a script. */
static char next_letter(char *script, char otherwise)
{
    char letter = script[0];
    if (letter == 0)
        return otherwise;
    memmove(script, script + 1, strlen(script));
    return letter;
}

bool kit_moment(kit *k)
{
    if (!k->dead && ++k->moments == k->crash_at)
        k->dead = true;
    return k->dead;
}

/* ---- store/1 */

static uint8_t *copy(const uint8_t *bytes, uint64_t size)
{
    uint8_t *mine = malloc(size);
    MUST(mine != NULL);
    memcpy(mine, bytes, size);
    return mine;
}

void kit_row_free(kit_row *row)
{
    free(row->record);
    free(row->sidecar);
    *row = (kit_row){0};
}

void kit_land(kit_row *row, kit_row *put, bool said_to_have_failed)
{
    put->doubtful = said_to_have_failed ? put->happened_count : 0;
    row->happened_count -= row->doubtful;
    for (uint32_t i = 0; i < put->happened_count && row->happened_count < KIT_HISTORY; i++)
        row->happened[row->happened_count++] = put->happened[i];
    memcpy(put->happened, row->happened, sizeof put->happened);
    put->happened_count = row->happened_count;
    free(row->record);
    free(row->sidecar);
    *row = *put;
    *put = (kit_row){0};
}

/* An event that asks for a payment was applied, of 0 attoFIL more. (A put that landed may come again with a new
 * revision.) */
static bool changed_nothing_owed(const kit *k, const dealfsm_put *put)
{
    const kit_row *row = &k->rows[put->deal];
    dealfsm_record before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    if (put->happened_count == 0 || (put->happened->event != DEALFSM_ClientEventPaymentRequested &&
                                     put->happened->event != DEALFSM_ClientEventLastPaymentRequested))
        return false;
    if (row->sequence == put->sequence && row->doubtful > 0)
        return row->happened[row->happened_count - row->doubtful].changed_nothing_owed;
    MUST(k->record->decode(row->record, row->record_len, &before, NULL) == DEALFSM_OK);
    MUST(k->record->decode(put->record, put->record_len, &after, NULL) == DEALFSM_OK);
    return before.payment_requested_len == after.payment_requested_len &&
           !memcmp(before.payment_requested, after.payment_requested, after.payment_requested_len);
}

static kit_row row_of(const kit *k, const dealfsm_put *put)
{
    kit_row row = {.revision = put->revision,
                   .sequence = put->sequence,
                   .status = put->status,
                   .final_state = put->final_state,
                   .record = copy(put->record, put->record_len),
                   .record_len = put->record_len,
                   .sidecar = copy(put->sidecar, put->sidecar_len),
                   .sidecar_len = put->sidecar_len};
    row.happened_count = put->happened_count < KIT_HISTORY ? put->happened_count : KIT_HISTORY;
    for (uint32_t i = 0; i < row.happened_count; i++) {
        const dealfsm_happened *h = (const void *)((const uint8_t *)put->happened + (size_t)i * put->happened_stride);
        row.happened[i] = (kit_happened){h->kind, h->event, h->sequence, false};
    }
    if (row.happened_count > 0 && row.happened[0].kind == DEALFSM_HAPPENED_APPLIED)
        row.happened[0].changed_nothing_owed = changed_nothing_owed(k, put);
    return row;
}

static void note_put(kit *k, const dealfsm_put *put, const char *ending)
{
    static const char *const marks[] = {"?", "", "-", "!"};
    char list[1024] = "";
    for (uint32_t i = 0; i < put->happened_count; i++) {
        const dealfsm_happened *h = (const void *)((const uint8_t *)put->happened + (size_t)i * put->happened_stride);
        size_t used = strlen(list);
        if (h->kind == DEALFSM_HAPPENED_MOVED) {
            snprintf(list + used, sizeof list - used, "%smoved %.*s %" PRIu64, i > 0 ? " " : "", (int)h->message_len,
                     h->message, h->from);
            continue;
        }
        snprintf(list + used, sizeof list - used, "%s%s%s", i > 0 ? " " : "", marks[h->kind], kit_event_word(h->event));
    }
    kit_note(k, "put r%" PRIu64 " s%" PRIu64 " %s [%s]%s", put->revision, put->sequence, kit_status_word(put->status),
             list, ending);
}

/* What must be true of every put. */
static void check_put(const kit *k, const dealfsm_put *put)
{
    const kit_row *row = &k->rows[put->deal];
    MUST(put->struct_size == sizeof *put);
    MUST(!strcmp(put->machine_version, k->describe->machine_version));
    MUST(k->pending[put->deal].revision == 0); /* one put at a time */
    MUST(put->final_state || !row->final_state);
    for (uint32_t i = 0; i < put->happened_count; i++) {
        const dealfsm_happened *h = (const void *)((const uint8_t *)put->happened + (size_t)i * put->happened_stride);
        bool first = h->kind == DEALFSM_HAPPENED_APPLIED || h->kind == DEALFSM_HAPPENED_MOVED;
        MUST_SAY(!first || i == 0, "the applied event, or the move, comes first");
        MUST(h->kind != DEALFSM_HAPPENED_MOVED ||
             (h->event == 0 && h->reason == 0 && h->sequence == put->sequence && h->to == put->status));
    }
}

/* Does what a letter says, as if for good. The caller holds the mutex. */
static int32_t put_by_letter(kit *k, const dealfsm_put *put, char letter)
{
    kit_row *row = &k->rows[put->deal];
    kit_row mine = row_of(k, put);
    if (letter == 'X' || put->revision <= row->revision) {
        kit_row_free(&mine);
        note_put(k, put, " lost");
        return DEALFSM_PUT_LOST;
    }
    switch (letter) {
    case 'F':
        kit_row_free(&mine);
        note_put(k, put, " failed");
        return DEALFSM_PUT_FAILED;
    case 'L':
        kit_land(row, &mine, true);
        note_put(k, put, " landed");
        return DEALFSM_PUT_FAILED;
    case 'P':
        k->pending[put->deal] = mine;
        note_put(k, put, " pending");
        return DEALFSM_PUT_PENDING;
    case 'E':
        kit_land(row, &mine, false);
        note_put(k, put, " early");
        return DEALFSM_PUT_PENDING;
    default:
        kit_land(row, &mine, false);
        note_put(k, put, "");
        return DEALFSM_PUT_DURABLE;
    }
}

static int32_t store_put(void *ctx, const dealfsm_put *put)
{
    kit *k = ctx;
    pthread_mutex_lock(&k->mutex);
    check_put(k, put);
    if (kit_moment(k)) { /* before it landed */
        pthread_mutex_unlock(&k->mutex);
        return DEALFSM_PUT_FAILED;
    }
    char letter = next_letter(k->puts, k->put_default);
    pthread_mutex_unlock(&k->mutex);
    if (k->on_put)
        k->on_put(k, put);
    pthread_mutex_lock(&k->mutex);
    int32_t outcome = put_by_letter(k, put, letter);
    if (kit_moment(k)) /* landed, but nobody was told */
        outcome = DEALFSM_PUT_FAILED;
    pthread_mutex_unlock(&k->mutex);
    if (letter == 'E' && outcome == DEALFSM_PUT_PENDING)
        MUST(k->f->stored(k->machine, put->deal, put->revision, DEALFSM_PUT_DURABLE, NULL) == DEALFSM_OK);
    return outcome;
}

/* ---- environment/1 */

static void append(kit_op *key, const uint8_t *bytes, uint64_t size)
{
    MUST(size + 1 <= sizeof key->args - key->args_len);
    key->args[key->args_len++] = (uint8_t)size;
    if (size > 0)
        memcpy(key->args + key->args_len, bytes, size);
    key->args_len += (uint32_t)size;
}

static kit_op key_of(const dealfsm_op *op)
{
    kit_op key = {.op = op->op, .deal = op->deal, .sequence = op->sequence, .nth = op->nth};
    bool has_token = op->op == DEALFSM_OpGetOrCreatePaymentChannel || op->op == DEALFSM_OpCreatePaymentVoucher;
    for (uint32_t i = 0; i + has_token < op->args_count; i++) {
        const dealfsm_value *value = (const void *)((const uint8_t *)op->args + (size_t)i * op->args_stride);
        append(&key, (const uint8_t *)&value->number, sizeof value->number);
        append(&key, value->data, value->data_len);
        append(&key, value->data2, value->data2_len);
    }
    return key;
}

void kit_wait(kit *k, const kit_op *key)
{
    MUST(k->waiting_count < KIT_DEALS);
    k->waiting[k->waiting_count++] = *key;
}

static bool same_key(const kit_op *a, const kit_op *b)
{
    return a->op == b->op && a->deal == b->deal && a->sequence == b->sequence && a->nth == b->nth;
}

/* Carries a once op out, unless its key is known: then its arguments must be the same. */
static void have_effect(kit *k, const kit_op *key)
{
    if (kit_op_info(key->op)->op_class != DEALFSM_ONCE)
        return;
    for (uint32_t i = 0; i < k->effects_count; i++) {
        if (!same_key(&k->effects[i], key))
            continue;
        MUST_SAY(k->effects[i].args_len == key->args_len && !memcmp(k->effects[i].args, key->args, key->args_len),
                 "op %s of sequence %" PRIu64 " was asked with other arguments before", kit_op_info(key->op)->name,
                 key->sequence);
        return;
    }
    MUST(k->effects_count < KIT_EFFECTS);
    k->effects[k->effects_count++] = *key;
}

/* P2: an op is asked only for a handler that a row owes. */
static void check_op(const kit *k, const dealfsm_op *op)
{
    MUST(op->struct_size == sizeof *op);
    MUST(op->nth == 1);
    MUST(op->args_count == kit_op_info(op->op)->args_count);
    if (!k->no_store)
        MUST_SAY(k->rows[op->deal].sequence >= op->sequence,
                 "op %s of sequence %" PRIu64 " is asked, durable is %" PRIu64, kit_op_info(op->op)->name, op->sequence,
                 k->rows[op->deal].sequence);
}

/* The host keeps an answer to a deal that is frozen; it waits as if nobody had asked for it yet. */
static void answer_now(kit *k, const kit_op *key, char letter)
{
    int32_t code = kit_complete(k, key, letter);
    pthread_mutex_lock(&k->mutex);
    if (code == DEALFSM_E_NO_MEMORY)
        k->unanswered = *key;
    else if (code == DEALFSM_E_FROZEN)
        kit_wait(k, key);
    pthread_mutex_unlock(&k->mutex);
}

typedef struct answering {
    kit *k;
    kit_op key;
} answering;

static void *answer_from_thread(void *ctx)
{
    answering *a = ctx;
    answer_now(a->k, &a->key, 'i');
    return NULL;
}

static void answer(kit *k, const kit_op *key, char letter)
{
    pthread_t thread;
    answering a = {k, *key};
    switch (letter) {
    case 'l':
        return;
    case 't':
        MUST(pthread_create(&thread, NULL, answer_from_thread, &a) == 0);
        pthread_join(thread, NULL);
        return;
    case '2':
        MUST(kit_complete(k, key, 'i') == DEALFSM_OK);
        MUST(kit_complete(k, key, 'i') == DEALFSM_E_NOT_OPEN);
        return;
    default:
        answer_now(k, key, letter);
    }
}

static void asked(void *ctx, const dealfsm_op *op)
{
    kit *k = ctx;
    kit_op key = key_of(op);
    uint64_t missing;
    pthread_mutex_lock(&k->mutex);
    bool crashed = kit_moment(k); /* before it had its effect */
    if (!crashed) {
        check_op(k, op);
        kit_note(k, "ask %s s%" PRIu64 " n%" PRIu32 "%s%s", kit_op_info(op->op)->name, op->sequence, op->nth,
                 op->flags & DEALFSM_OP_ASKED_BEFORE ? " again" : "",
                 op->flags & DEALFSM_OP_WITHOUT_KEY ? " keyless" : "");
        if (!k->decide || k->decide(k, &key, &missing) == DEALFSM_ANSWER_OK)
            have_effect(k, &key);
        crashed = kit_moment(k); /* nobody was told of it */
    }
    char letter = crashed ? 'l' : next_letter(k->answers, k->answer_default);
    if (!crashed && letter == 'l')
        kit_wait(k, &key);
    pthread_mutex_unlock(&k->mutex);
    if (crashed)
        return;
    if (k->on_op)
        k->on_op(k, op);
    answer(k, &key, letter);
}

/* ---- log/1, rest/1 and all services */

static void logged(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    kit *k = ctx;
    MUST(level >= DEALFSM_LOG_ERROR && level <= DEALFSM_LOG_INFO && text[0] != 0);
    pthread_mutex_lock(&k->mutex);
    kit_note(k, "log");
    pthread_mutex_unlock(&k->mutex);
    if (k->on_log)
        k->on_log(k, deal);
}

static void rested(void *ctx, uint64_t deal)
{
    kit *k = ctx;
    pthread_mutex_lock(&k->mutex);
    kit_note(k, "at rest");
    pthread_mutex_unlock(&k->mutex);
    if (k->on_rest)
        k->on_rest(k, deal);
}

/* The structs of all services; they live until the machine is closed, and the machine copies them. */
const void *kit_service_of(void *ctx, const char *id)
{
    static _Thread_local dealfsm_environment environment;
    static _Thread_local dealfsm_store_v1 store;
    static _Thread_local dealfsm_log_v1 log;
    static _Thread_local dealfsm_rest_v1 rest;
    kit *k = ctx;
    environment = (dealfsm_environment){
        sizeof environment, 0, ctx, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked};
    store = (dealfsm_store_v1){sizeof store, 0, ctx, store_put};
    log = (dealfsm_log_v1){sizeof log, 0, ctx, logged};
    rest = (dealfsm_rest_v1){sizeof rest, 0, ctx, rested};
    if (!strcmp(id, "environment/1"))
        return &environment;
    if (!strcmp(id, "store/1"))
        return k->no_store ? NULL : &store;
    if (!strcmp(id, "log/1"))
        return &log;
    return !strcmp(id, "rest/1") ? &rest : NULL;
}
