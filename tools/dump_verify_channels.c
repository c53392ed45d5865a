/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sums per payment channel. */
#include <gmp.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "dump_verify.h"
#include "text.h"

enum { ADDRESS_MAX = 64 };

typedef struct channel {
    uint8_t address[ADDRESS_MAX];
    size_t address_len;
    uint64_t deals;
    mpz_t funds;
    mpz_t spent;
} channel;

typedef struct lane_use {
    const channel *on;
    uint64_t lane;
    uint64_t deal;
} lane_use;

struct channels {
    void *tree;     /* of channel, by address */
    lane_use *uses; /* of deals that have spent something */
    size_t count;
    size_t room;
};

static int by_address(const void *a, const void *b)
{
    const channel *left = a;
    const channel *right = b;
    const size_t size = left->address_len < right->address_len ? left->address_len : right->address_len;
    const int order = memcmp(left->address, right->address, size);
    return order != 0 ? order : (left->address_len > right->address_len) - (left->address_len < right->address_len);
}

/* The channels are not in the order of their addresses in memory, but each is one place there. */
static int by_lane(const void *a, const void *b)
{
    const lane_use *left = a;
    const lane_use *right = b;
    const int on = by_address(left->on, right->on);
    const int lane = (left->lane > right->lane) - (left->lane < right->lane);
    return on != 0 ? on : lane != 0 ? lane : (left->deal > right->deal) - (left->deal < right->deal);
}

channels *channels_new(void)
{
    return calloc(1, sizeof(channels));
}

static void free_channel(void *node)
{
    channel *it = node;
    mpz_clears(it->funds, it->spent, NULL);
    free(it);
}

void channels_free(channels *all)
{
    if (all != NULL) {
        tdestroy(all->tree, free_channel);
        free(all->uses);
        free(all);
    }
}

static channel *find(channels *all, const uint8_t *address, uint64_t size)
{
    channel *made = calloc(1, sizeof *made);
    if (made == NULL || size > ADDRESS_MAX) {
        free(made);
        return NULL;
    }
    memcpy(made->address, address, size);
    made->address_len = size;
    channel **found = tsearch(made, &all->tree, by_address);
    if (found == NULL || *found != made) {
        free(made);
        return found == NULL ? NULL : *found;
    }
    mpz_inits(made->funds, made->spent, NULL);
    return made;
}

static bool add_use(channels *all, const channel *on, uint64_t lane, uint64_t deal)
{
    if (all->count == all->room) {
        const size_t room = 2 * all->room + 256;
        lane_use *more = realloc(all->uses, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        all->uses = more;
        all->room = room;
    }
    all->uses[all->count++] = (lane_use){on, lane, deal};
    return true;
}

static void add_amount(mpz_t sum, const uint8_t *amount, uint64_t size)
{
    mpz_t value;
    mpz_init(value);
    text_amount_import(value, amount, size);
    mpz_add(sum, sum, value);
    mpz_clear(value);
}

bool channels_add(channels *all, const deal_row *it)
{
    const dealfsm_record *r = &it->record;
    if (r->has_payment_info == 0 || r->pay_ch_len == 0) {
        return true;
    }
    channel *on = find(all, r->pay_ch, r->pay_ch_len);
    if (on == NULL) {
        return false;
    }
    on->deals++;
    add_amount(on->funds, r->total_funds, r->total_funds_len);
    add_amount(on->spent, r->funds_spent, r->funds_spent_len);
    return r->funds_spent_len == 0 || add_use(all, on, r->lane, it->row->deal);
}

static void sort(channels *all)
{
    if (all->count > 0) {
        qsort(all->uses, all->count, sizeof *all->uses, by_lane);
    }
}

static const char *address_of(values_arena *arena, const channel *it)
{
    words text = {.arena = arena};
    char *form = text_write_address(it->address, it->address_len);
    words_item(&text, "", form == NULL ? values_hex(arena, it->address, it->address_len) : form);
    free(form);
    return words_text(&text);
}

void channels_verify(channels *all, values_arena *arena, verify_found_fn *found, void *ctx)
{
    sort(all);
    for (size_t i = 1; i < all->count; i++) {
        const lane_use *a = &all->uses[i - 1];
        const lane_use *b = &all->uses[i];
        if (a->on == b->on && a->lane == b->lane) {
            words text = {.arena = arena};
            words_add(&text, "spends on lane %" PRIu64 " of %s, as deal %" PRIu64 " does", b->lane,
                      address_of(arena, b->on), a->deal);
            found(ctx, b->deal, "M2", VERIFY_BROKEN, words_text(&text));
        }
    }
}

/* ---- Each channel */
typedef struct visit {
    const channels *all;
    values_arena *arena;
    size_t at; /* in uses, which are sorted as the tree is */
    void (*each)(void *ctx, const channel_sum *sum);
    void *ctx;
} visit;

static const char *digits(values_arena *arena, const mpz_t value)
{
    return mpz_get_str(values_take(arena, mpz_sizeinbase(value, 10) + 2), 10, value);
}

static uint64_t count_lanes(visit *v, const channel *it)
{
    uint64_t lanes = 0;
    for (const lane_use *last = NULL; v->at < v->all->count && v->all->uses[v->at].on == it; v->at++) {
        lanes += last == NULL || last->lane != v->all->uses[v->at].lane ? 1 : 0;
        last = &v->all->uses[v->at];
    }
    return lanes;
}

static void visit_channel(const void *node, VISIT which, void *closure)
{
    visit *v = closure;
    const channel *it = *(channel *const *)node;
    if (which != postorder && which != leaf) {
        return;
    }
    const channel_sum sum = {.address = it->address,
                             .address_len = it->address_len,
                             .deals = it->deals,
                             .lanes = count_lanes(v, it),
                             .funds = digits(v->arena, it->funds),
                             .spent = digits(v->arena, it->spent)};
    v->each(v->ctx, &sum);
}

void channels_each(channels *all, values_arena *arena, void (*each)(void *ctx, const channel_sum *sum), void *ctx)
{
    visit v = {.all = all, .arena = arena, .each = each, .ctx = ctx};
    sort(all);
    twalk_r(all->tree, visit_channel, &v);
}
