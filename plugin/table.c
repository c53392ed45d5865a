/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where deals are kept: shards, blocks, work, queues. */
#include "deal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 16, WORKS_KEPT = 64 };

/* Spreads ids, which are often counted up (the finaliser of MurmurHash3, public domain constants). */
static uint64_t mix(uint64_t id)
{
    id ^= id >> 33;
    id *= 0xff51afd7ed558ccdu;
    id ^= id >> 33;
    id *= 0xc4ceb9fe1a85ec53u;
    return id ^ id >> 33;
}

shard *deal_shard(dealfsm_machine *machine, uint64_t id)
{
    return &machine->shards[mix(id) % SHARDS];
}

static deal **bucket(shard *s, uint64_t id)
{
    return &s->buckets[(mix(id) / SHARDS) & (s->buckets_count - 1)];
}

deal *deal_find(shard *s, uint64_t id)
{
    if (!s->buckets_count)
        return NULL;
    deal *d = *bucket(s, id);
    while (d && d->id != id)
        d = d->next;
    return d;
}

static bool grow(shard *s)
{
    uint64_t count = s->buckets_count ? 2 * s->buckets_count : FIRST_BUCKETS;
    deal **old = s->buckets;
    uint64_t old_count = s->buckets_count;
    deal **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    s->buckets = buckets;
    s->buckets_count = count;
    for (uint64_t i = 0; i < old_count; i++)
        for (deal *d = old[i], *next; d; d = next) {
            next = d->next;
            deal **at = bucket(s, d->id);
            d->next = *at;
            *at = d;
        }
    free(old);
    return true;
}

bool deal_insert(shard *s, deal *d)
{
    /* A table that cannot grow still works, it only gets slower. */
    if (s->deals_count >= s->buckets_count && !grow(s) && !s->buckets_count)
        return false;
    struct deal **at = bucket(s, d->id);
    d->next = *at;
    *at = d;
    s->deals_count++;
    return true;
}

void deal_remove(shard *s, deal *d)
{
    struct deal **at = bucket(s, d->id);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    s->deals_count--;
    d->flags |= DEAL_GONE;
}

void deal_free(dealfsm_machine *machine, shard *s, deal *d)
{
    if (d->flags & (DEAL_BUSY | DEAL_IN_CALL))
        return;
    work *w = d->work;
    if (w) {
        entries_clear(&w->queue);
        entries_clear(&w->over);
        run_clear(w);
        if (w->put.step.block)
            block_give(s, w->put.step.block, w->put.step.capacity);
        w->put = (put){0};
        w->promised = w->saved;
        w->stall = DEALFSM_STALL_NONE;
        d->flags = DEAL_GONE;
        deal_rest(s, d);
    }
    if (d->record)
        block_give(s, d->record, d->capacity);
    if (d->extra) {
        pthread_mutex_unlock(&s->mutex);
        subscriptions_end(machine, d->extra);
        pthread_mutex_lock(&s->mutex);
    }
    free(d->extra);
    free(d);
}

struct free_block {
    struct free_block *next;
};

packed *block_take(shard *s, uint64_t size, uint32_t *capacity)
{
    if (size > UINT32_MAX - BLOCK_STEP)
        return NULL;
    uint32_t class = ((uint32_t)size + BLOCK_STEP - 1 - BLOCK_FIRST) / BLOCK_STEP;
    *capacity = class * BLOCK_STEP + BLOCK_FIRST;
    if (class < BLOCK_CLASSES && s->free_blocks[class]) {
        struct free_block *block = s->free_blocks[class];
        s->free_blocks[class] = block->next;
        s->free_blocks_count[class]--;
        return (packed *)block;
    }
    return malloc(*capacity);
}

void block_give(shard *s, packed *block, uint32_t capacity)
{
    uint32_t class = (capacity - BLOCK_FIRST) / BLOCK_STEP;
    if (class >= BLOCK_CLASSES || s->free_blocks_count[class] >= BLOCKS_KEPT) {
        free(block);
        return;
    }
    struct free_block *freed = (struct free_block *)block;
    freed->next = s->free_blocks[class];
    s->free_blocks[class] = freed;
    s->free_blocks_count[class]++;
}

void stock_free(shard *s)
{
    for (uint32_t i = 0; i < BLOCK_CLASSES; i++)
        for (struct free_block *block = s->free_blocks[i], *next; block; block = next) {
            next = block->next;
            free(block);
        }
    for (work *w = s->free_works, *next; w; w = next) {
        next = w->next_free;
        free(w);
    }
    free(s->buckets);
}

/* A new work, all of it zero but the ends of its lists. */
static work *work_new(void)
{
    work *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    memset(w, 0, offsetof(work, answers)); /* what follows is written before it is read, but for these: */
    memset(w->heap, 0, sizeof w->heap);
    w->stall = DEALFSM_STALL_NONE;
    w->stall_text[0] = 0;
    entries_init(&w->queue);
    entries_init(&w->over);
    return w;
}

work *deal_work(shard *s, deal *d)
{
    work *w = d->work;
    if (w)
        return w;
    w = s->free_works; /* as new: deal_rest takes back only what has come to its end */
    if (w) {
        s->free_works = w->next_free;
        s->free_works_count--;
    } else if (!(w = work_new())) {
        return NULL;
    }
    w->ask_again = false;
    w->promised = w->saved = d->revision - d->behind;
    return d->work = w;
}

void deal_rest(shard *s, deal *d)
{
    work *w = d->work;
    if (!w || w->queue.head || w->over.head || w->put.kind || w->answered || w->open_op || w->asked_once ||
        w->promised > w->saved || w->stall || d->flags & (DEAL_BUSY | DEAL_IN_CALL | DEAL_OWED))
        return;
    d->work = NULL;
    if (s->free_works_count >= WORKS_KEPT) {
        free(w);
        return;
    }
    w->next_free = s->free_works;
    s->free_works = w;
    s->free_works_count++;
}

void run_clear(work *w)
{
    for (uint32_t i = 0; i < w->answered; i++) {
        free(w->heap[i]);
        w->heap[i] = NULL;
    }
    w->answered = 0;
    w->used = 0;
    w->open_op = 0;
    w->asked_once = false;
    w->ask_again = false;
}

entry *entry_new(uint32_t event, const fsm_value *args, uint32_t count, bool raised)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += (uint64_t)args[i].bytes.size + args[i].more.size;
    if (size > UINT32_MAX)
        return NULL;
    entry *e = malloc(sizeof *e + size);
    if (!e)
        return NULL;
    *e = (entry){.event = event, .bytes = (uint32_t)size, .raised = raised, .count = (uint8_t)count};
    uint8_t *at = e->data;
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = args[i];
        fsm_bytes *parts[] = {&e->args[i].bytes, &e->args[i].more};
        for (uint32_t k = 0; k < 2; k++) {
            if (parts[k]->size)
                memcpy(at, parts[k]->data, parts[k]->size);
            if (parts[k]->data)
                parts[k]->data = at;
            at += parts[k]->size;
        }
    }
    return e;
}

void entries_init(entries *list)
{
    *list = (entries){.tail = &list->head};
}

void entries_push(entries *list, entry *e)
{
    e->next = NULL;
    *list->tail = e;
    list->tail = &e->next;
    list->count++;
    list->bytes += e->bytes;
}

entry *entries_pop(entries *list)
{
    entry *e = list->head;
    list->head = e->next;
    if (!list->head)
        list->tail = &list->head;
    list->count--;
    list->bytes -= e->bytes;
    return e;
}

void entries_clear(entries *list)
{
    while (list->head)
        free(entries_pop(list));
}
