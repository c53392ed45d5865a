/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario_fields.h"

/* ---- Providers */

#define SHARE_OF(habit, key, meaning) [habit] = {key, &FIELD_COUNT, (habit) * sizeof(uint64_t), false, meaning}

/* In the order of scenario_habit: a row's place is its habit. */
static const field HABIT_FIELDS[HABITS + 1] = {
    SHARE_OF(HABIT_HONEST, "honest", "sends what is paid for, asks for what is due"),
    SHARE_OF(HABIT_REJECTS, "rejects", "rejects the deal"),
    SHARE_OF(HABIT_PAYLOAD_UNKNOWN, "payload_unknown", "does not know the payload"),
    SHARE_OF(HABIT_ACCEPTS_EARLY, "accepts_early", "accepts before the node knows that the deal was proposed"),
    SHARE_OF(HABIT_ASKS_TOO_MUCH, "asks_too_much", "asks for more than is due, once"),
    SHARE_OF(HABIT_ASKS_TOO_LITTLE, "asks_too_little", "asks for half of what is due, until the last payment"),
    SHARE_OF(HABIT_ASKS_TWICE, "asks_twice", "repeats a request for payment, once"),
    SHARE_OF(HABIT_ASKS_BEFORE_SENDING, "asks_before_sending", "asks before the last blocks of an interval are sent"),
    SHARE_OF(HABIT_DOES_NOT_WAIT, "does_not_wait", "sends on and asks again without waiting for vouchers"),
    SHARE_OF(HABIT_SENDS_TWICE, "sends_twice", "reports all blocks twice"),
    SHARE_OF(HABIT_GOES_SILENT, "goes_silent", "says nothing any more from some point on"),
    SHARE_OF(HABIT_CANCELS, "cancels", "cancels at some point"),
    SHARE_OF(HABIT_COMPLETES_EARLY, "completes_early", "says that the deal is complete when it is not"),
    SHARE_OF(HABIT_TALKS_NONSENSE, "talks_nonsense", "answers with a status that makes no sense"),
    SHARE_OF(HABIT_TRANSFER_FAILS, "transfer_fails", "the transfer breaks off"),
    SHARE_OF(HABIT_TRANSFER_RESTARTS, "transfer_restarts", "the transfer restarts with a lower count of bytes, once"),
};

const char *scenario_habit_name(scenario_habit habit)
{
    return HABIT_FIELDS[habit].key;
}

static bool read_habits(const place *at, const json_t *value, void *member)
{
    uint64_t *habits = member;
    uint64_t total = 0;
    memset(habits, 0, sizeof(uint64_t[HABITS]));
    if (!fields_read(at, value, HABIT_FIELDS, habits)) {
        return false;
    }
    for (int i = 0; i < HABITS; i++) {
        if (habits[i] > 1000000) {
            place below = place_below(at, HABIT_FIELDS[i].key, 0);
            return place_refuse(&below, "expected a share of at most 1000000 parts, found %llu",
                                (unsigned long long)habits[i]);
        }
        total += habits[i];
    }
    return total > 0 || place_refuse(at, "expected a share above 0, found none");
}

static const field_kind FIELD_HABITS = {"an object of shares in parts", read_habits, NULL};

#define AT(type, member) offsetof(type, member)

static const field PROVIDER_FIELDS[] = {
    {"name", &FIELD_TEXT, AT(scenario_provider, name), true, "what it is called in the report"},
    {"wallet", &FIELD_ADDRESS, AT(scenario_provider, wallet), true, "where its payment channels pay to"},
    {"peer", &FIELD_PEER, AT(scenario_provider, peer), true, "its peer id"},
    {"share", &FIELD_POSITIVE, AT(scenario_provider, share), false, "parts of the deals; 1"},
    {"latency", &FIELD_DURATIONS, AT(scenario_provider, latency), false,
     "of the network, one way; \"20 ms\" to \"200 ms\""},
    {"speed", &FIELD_SIZE, AT(scenario_provider, speed), false, "what it sends in a second; \"8 MiB\""},
    {"behaviour", &FIELD_HABITS, AT(scenario_provider, habits), false, "shares of what deals meet; all honest"},
    {NULL, NULL, 0, false, NULL}};

static void provider_defaults(void *of)
{
    scenario_provider *p = of;
    p->share = 1;
    p->latency = (scenario_range){20000, 200000};
    p->speed = 8u << 20;
    p->habits[HABIT_HONEST] = 1;
}

/* ---- Clients and retrievals */

static const field CLIENT_FIELDS[] = {
    {"name", &FIELD_TEXT, AT(scenario_client, name), true, "what it is called in the report"},
    {"wallet", &FIELD_ADDRESS, AT(scenario_client, wallet), true, "what pays"},
    {"peer", &FIELD_PEER, AT(scenario_client, peer), true, "its peer id"},
    {"balance", &FIELD_AMOUNT, AT(scenario_client, balance), true, "what is in the wallet"},
    {"share", &FIELD_POSITIVE, AT(scenario_client, share), false, "parts of the deals; 1"},
    {"tops_up", &FIELD_SHARE, AT(scenario_client, tops_up), false,
     "deals for which it tops up a channel that has too little; \"0 %\""},
    {"tops_up_after", &FIELD_DURATIONS, AT(scenario_client, tops_up_after), false,
     "how long after that; \"10 min\" to \"1 h\""},
    {NULL, NULL, 0, false, NULL}};

static void client_defaults(void *of)
{
    scenario_client *c = of;
    c->share = 1;
    c->tops_up_after = (scenario_range){600000000, 3600000000};
    mpz_init(c->balance);
}

static const field RETRIEVAL_FIELDS[] = {
    {"name", &FIELD_TEXT, AT(scenario_retrieval, name), true, "what it is called in the report"},
    {"share", &FIELD_POSITIVE, AT(scenario_retrieval, share), false, "parts of the deals; 1"},
    {"payload", &FIELD_CID, AT(scenario_retrieval, payload), false, "what is asked for; one made up for each deal"},
    {"piece", &FIELD_CID, AT(scenario_retrieval, piece), false, "the piece it is in; none"},
    {"selector", &FIELD_HEX, AT(scenario_retrieval, selector), false, "CBOR; none"},
    {"size", &FIELD_SIZES, AT(scenario_retrieval, size), true, "bytes to be sent"},
    {"price_per_byte", &FIELD_AMOUNTS, AT(scenario_retrieval, price), true, "what a byte costs"},
    {"interval", &FIELD_SIZES, AT(scenario_retrieval, interval), false, "first payment interval; \"1 MiB\""},
    {"interval_increase", &FIELD_GROWTH, AT(scenario_retrieval, interval_increase), false, "its growth; \"1 MiB\""},
    {"chunk", &FIELD_SIZE, AT(scenario_retrieval, chunk), false, "bytes of one report; half an interval"},
    {"unseal_price", &FIELD_AMOUNTS, AT(scenario_retrieval, unseal_price), false, "what unsealing costs; \"0\""},
    {"sealed", &FIELD_SHARE, AT(scenario_retrieval, sealed), false, "asked to pay for unsealing first; \"100 %\""},
    {"funds", &FIELD_POSITIVE, AT(scenario_retrieval, funds), false,
     "percent of the whole price that a deal gets; 100"},
    {NULL, NULL, 0, false, NULL}};

static void retrieval_defaults(void *of)
{
    scenario_retrieval *r = of;
    r->share = 1;
    r->interval = r->interval_increase = (scenario_range){1u << 20, 1u << 20};
    r->sealed = 1000000;
    r->funds = 100;
    mpz_inits(r->price.min, r->price.max, r->unseal_price.min, r->unseal_price.max, NULL);
}

/* ---- Lists */

typedef struct list_kind {
    const field *fields;
    size_t size;
    void (*defaults)(void *of);
} list_kind;

static const list_kind CLIENTS = {CLIENT_FIELDS, sizeof(scenario_client), client_defaults};
static const list_kind PROVIDERS = {PROVIDER_FIELDS, sizeof(scenario_provider), provider_defaults};
static const list_kind RETRIEVALS = {RETRIEVAL_FIELDS, sizeof(scenario_retrieval), retrieval_defaults};

/* Reads a list; *items is an array of `*count` elements, initialised and to be freed also when it is refused half way. */
static bool read_list(const place *at, const json_t *value, const list_kind *kind, void **items, size_t *count)
{
    if (!json_is_array(value) || json_array_size(value) == 0) {
        return place_refuse(at, "expected an array of at least one object, found %s",
                            json_is_array(value) ? "an empty one" : "something else");
    }
    size_t wanted = json_array_size(value);
    *items = calloc(wanted, kind->size);
    if (*items == NULL) {
        return place_refuse(at, "out of memory");
    }
    for (size_t i = 0; i < wanted; i++) {
        place below = place_below(at, NULL, i);
        char *item = (char *)*items + i * kind->size;
        kind->defaults(item);
        *count = i + 1;
        if (!fields_read(&below, json_array_get(value, i), kind->fields, item)) {
            return false;
        }
    }
    return true;
}

static void free_list(void *items, size_t count, const list_kind *kind)
{
    for (size_t i = 0; i < count; i++) {
        fields_free(kind->fields, (char *)items + i * kind->size);
    }
    free(items);
}

static bool read_clients(const place *at, const json_t *value, void *of)
{
    scenario *s = of;
    return read_list(at, value, &CLIENTS, (void **)&s->clients, &s->client_count);
}

static bool read_providers(const place *at, const json_t *value, void *of)
{
    scenario *s = of;
    return read_list(at, value, &PROVIDERS, (void **)&s->providers, &s->provider_count);
}

static bool read_retrievals(const place *at, const json_t *value, void *of)
{
    scenario *s = of;
    return read_list(at, value, &RETRIEVALS, (void **)&s->retrievals, &s->retrieval_count);
}

/* ---- The rest */

static const field CHAIN_FIELDS[] = {
    {"block_time", &FIELD_DURATION, AT(scenario_chain, block_time), false, "from block to block; \"30 s\""},
    {"confirmations", &FIELD_COUNT, AT(scenario_chain, confirmations), false,
     "blocks waited for after the message's; 2"},
    {"reorganised", &FIELD_SHARE, AT(scenario_chain, reorganised), false, "messages that land again, later; \"0 %\""},
    {"lost", &FIELD_SHARE, AT(scenario_chain, lost), false, "messages that never land; \"0 %\""},
    {NULL, NULL, 0, false, NULL}};

static const field NODE_FIELDS[] = {
    {"latency", &FIELD_DURATIONS, AT(scenario_node, latency), false, "until an op is answered; \"1 ms\" to \"50 ms\""},
    {"errors", &FIELD_SHARE, AT(scenario_node, errors), false, "ops that fail; \"0 %\""},
    {"unknown", &FIELD_SHARE, AT(scenario_node, unknown), false, "ops of which the node cannot tell; \"0 %\""},
    {"never", &FIELD_SHARE, AT(scenario_node, never), false, "ops that are never answered; \"0 %\""},
    {"twice", &FIELD_SHARE, AT(scenario_node, twice), false, "ops that are answered twice; \"0 %\""},
    {"early", &FIELD_SHARE, AT(scenario_node, early), false, "ops answered before the call returns; \"0 %\""},
    {NULL, NULL, 0, false, NULL}};

static bool read_chain(const place *at, const json_t *value, void *member)
{
    scenario_chain *chain = member;
    if (!fields_read(at, value, CHAIN_FIELDS, chain)) {
        return false;
    }
    if (chain->block_time == 0 || chain->block_time > 86400000000 || chain->confirmations > 10000) {
        return place_refuse(at, "expected a block_time from 1 us to 1 d and at most 10000 confirmations, found others");
    }
    return true;
}

static bool read_node(const place *at, const json_t *value, void *member)
{
    return fields_read(at, value, NODE_FIELDS, member);
}

static const field_kind FIELD_CHAIN = {"an object", read_chain, NULL};
static const field_kind FIELD_NODE = {"an object", read_node, NULL};
static const field_kind FIELD_CLIENTS = {"an array of objects", read_clients, NULL};
static const field_kind FIELD_PROVIDERS = {"an array of objects", read_providers, NULL};
static const field_kind FIELD_RETRIEVALS = {"an array of objects", read_retrievals, NULL};

static const field SCENARIO_FIELDS[] = {
    {"title", &FIELD_TEXT, AT(scenario, title), true, "what the report is headed"},
    {"about", &FIELD_TEXT, AT(scenario, about), false, "a note for readers of the file"},
    {"deals", &FIELD_POSITIVE, AT(scenario, deals), false, "how many; 100"},
    {"seed", &FIELD_COUNT, AT(scenario, seed), false, "of all dice; 1"},
    {"starts_within", &FIELD_DURATION, AT(scenario, starts_within), false, "deals start within this time; \"1 h\""},
    {"chain", &FIELD_CHAIN, AT(scenario, chain), false, "how payment channels come about"},
    {"node", &FIELD_NODE, AT(scenario, node), false, "how the client's own node answers the machine"},
    {"clients", &FIELD_CLIENTS, 0, true, "who asks and pays"},
    {"providers", &FIELD_PROVIDERS, 0, true, "who serves; a client and a provider share one payment channel"},
    {"retrievals", &FIELD_RETRIEVALS, 0, true, "what is asked for"},
    {NULL, NULL, 0, false, NULL}};

/* Payment channels are told apart by their wallets. */
static bool check_wallets(const place *at, const char *list, const text_bytes *const *wallets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (wallets[i]->len == wallets[j]->len &&
                memcmp(wallets[i]->data, wallets[j]->data, wallets[i]->len) == 0) {
                place in = place_below(at, list, 0);
                place item = place_below(&in, NULL, i);
                place below = place_below(&item, "wallet", 0);
                return place_refuse(&below, "expected a wallet of its own, found that of %s[%zu]", list, j);
            }
        }
    }
    return true;
}

static bool check_all_wallets(const place *at, const scenario *s)
{
    size_t most = s->client_count > s->provider_count ? s->client_count : s->provider_count;
    const text_bytes **wallets = calloc(most, sizeof *wallets);
    if (wallets == NULL) {
        return place_refuse(at, "out of memory");
    }
    for (size_t i = 0; i < s->client_count; i++) {
        wallets[i] = &s->clients[i].wallet;
    }
    bool ok = check_wallets(at, "clients", wallets, s->client_count);
    for (size_t i = 0; ok && i < s->provider_count; i++) {
        wallets[i] = &s->providers[i].wallet;
    }
    ok = ok && check_wallets(at, "providers", wallets, s->provider_count);
    free(wallets);
    return ok;
}

/* A deal is told in at most a million reports of blocks. */
static bool check_reports(const place *at, const scenario *s)
{
    for (size_t i = 0; i < s->retrieval_count; i++) {
        const scenario_retrieval *r = &s->retrievals[i];
        uint64_t least = (r->interval.min + 1) / 2;
        uint64_t chunk = r->chunk > 0 && r->chunk < r->interval.min ? r->chunk : least;
        if (r->size.max / chunk > 1000000) {
            place in = place_below(at, "retrievals", 0);
            place below = place_below(&in, NULL, i);
            return place_refuse(&below, "expected a size of at most a million chunks or half intervals, found more");
        }
    }
    return true;
}

static bool read_scenario(const place *at, const json_t *root, scenario *s)
{
    if (!fields_read(at, root, SCENARIO_FIELDS, s)) {
        return false;
    }
    if (s->deals > 10000000) {
        place below = place_below(at, "deals", 0);
        return place_refuse(&below, "expected at most 10000000, found %llu", (unsigned long long)s->deals);
    }
    return check_all_wallets(at, s) && check_reports(at, s);
}

/* Takes the parsed file (NULL: it is not JSON). */
static scenario *scenario_of(json_t *root, const json_error_t *error, const char *name, text_why *why)
{
    place at = {.file = name, .path = "", .why = why};
    if (root == NULL) {
        (void)place_refuse(&at, "expected JSON, found at line %d, column %d: %.150s", error->line, error->column,
                           error->text);
        return NULL;
    }
    scenario *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->deals = 100;
        s->seed = 1;
        s->starts_within = 3600000000;
        s->chain = (scenario_chain){.block_time = 30000000, .confirmations = 2};
        s->node.latency = (scenario_range){1000, 50000};
    }
    if (s == NULL ? !place_refuse(&at, "out of memory") : !read_scenario(&at, root, s)) {
        scenario_free(s);
        s = NULL;
    }
    json_decref(root);
    return s;
}

/* Is there something that can be read? The parser's own words for that are about its insides. */
static bool is_readable(const char *file, text_why *why)
{
    struct stat info;
    const place at = {.file = file, .path = "", .why = why};
    if (access(file, R_OK) != 0 || stat(file, &info) != 0) {
        return place_refuse(&at, "expected JSON, found that it cannot be read: %s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0)) {
        return place_refuse(&at, "expected JSON, found %s", S_ISDIR(info.st_mode) ? "a directory" : "an empty file");
    }
    return true;
}

scenario *scenario_read(const char *file, text_why *why)
{
    json_error_t error;
    text_why unused;
    if (!is_readable(file, why != NULL ? why : &unused)) {
        return NULL;
    }
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    return scenario_of(root, &error, file, why != NULL ? why : &unused);
}

scenario *scenario_parse(const char *json, const char *name, text_why *why)
{
    json_error_t error;
    text_why unused;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    return scenario_of(root, &error, name, why != NULL ? why : &unused);
}

char *scenario_text(const char *file)
{
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    return text;
}

void scenario_free(scenario *s)
{
    if (s == NULL) {
        return;
    }
    free_list(s->clients, s->client_count, &CLIENTS);
    free_list(s->providers, s->provider_count, &PROVIDERS);
    free_list(s->retrievals, s->retrieval_count, &RETRIEVALS);
    fields_free(SCENARIO_FIELDS, s);
    free(s);
}

static void format_table(FILE *out, const char *head, const field *fields)
{
    (void)fprintf(out, "\n%s\n", head);
    for (; fields->key != NULL; fields++) {
        (void)fprintf(out, "  %-20s %s%s\n", fields->key, fields->needed ? "(needed) " : "", fields->meaning);
        if (fields->kind != &FIELD_COUNT) {
            (void)fprintf(out, "  %-20s %s\n", "", fields->kind->expects);
        }
    }
}

void scenario_format(FILE *out)
{
    (void)fputs("A scenario is one JSON object. What stands after a semicolon is used where a key is missing.\n", out);
    format_table(out, "The object:", SCENARIO_FIELDS);
    format_table(out, "chain:", CHAIN_FIELDS);
    format_table(out, "node:", NODE_FIELDS);
    format_table(out, "clients, each:", CLIENT_FIELDS);
    format_table(out, "providers, each:", PROVIDER_FIELDS);
    format_table(out, "behaviour of a provider, in parts:", HABIT_FIELDS);
    format_table(out, "retrievals, each:", RETRIEVAL_FIELDS);
}
