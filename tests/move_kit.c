/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "move_kit.h"

#include <cbor.h>
#include <dlfcn.h>
#include <zlib.h>

/* ---- Modules */

static move_module modules[VERSIONS] = {{.version = "client 0.5.6", .vectors = "v0.5.6"},
                                        {.version = "client 1.0.9", .vectors = "v1.0.9"},
                                        {.version = "client 1.28.3", .vectors = "v1.28.3"}};

void move_module_path(int version, char *path)
{
    snprintf(path, MOVE_PATH, TEST_BUILD_DIR "/modules/dealfsm-client-%s.so",
             modules[version].version + strlen("client "));
}

static void load(move_module *m)
{
    char path[MOVE_PATH];
    const char *what = "";
    move_module_path((int)(m - modules), path);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    MUST_SAY(handle != NULL, "%s", dlerror());
    dealfsm_module_fn *negotiate;
    *(void **)&negotiate = dlsym(handle, DEALFSM_MODULE_SYMBOL);
    MUST(negotiate != NULL);
    dealfsm_offer offer = {sizeof offer, 0, 0};
    MUST(negotiate(&offer, &m->f, NULL) == DEALFSM_OK);
    m->record = m->f->interface("record/1");
    MUST(m->record != NULL);
    MUST_SAY(description_load(&m->machine, m->f->interface("describe/1"), &what), "%s", what);
}

const move_module *move_module_of(int version)
{
    move_module *m = &modules[version];
    if (m->f == NULL)
        load(m);
    return m;
}

/* ---- Parcels */

void parcel_record(const parcel *p, dealfsm_record *out)
{
    dealfsm_error error = {.struct_size = sizeof error};
    *out = (dealfsm_record){.struct_size = sizeof *out};
    MUST_SAY(move_module_of(p->version)->record->decode(p->record, p->record_len, out, &error) == DEALFSM_OK,
             "decode: %s", error.text);
}

/* The arguments' bytes are those of the tree, which is kept until the next call. */
static dealfsm_value read_argument(const cbor_item_t *list)
{
    cbor_item_t **items = cbor_array_handle(list);
    dealfsm_value value = {.struct_size = sizeof value, .kind = (uint32_t)cbor_get_int(items[0])};
    for (size_t i = 1; i < cbor_array_size(list); i++) {
        if (cbor_isa_uint(items[i])) {
            value.number = cbor_get_int(items[i]);
        } else if (value.data == NULL) {
            value.data = cbor_bytestring_handle(items[i]);
            value.data_len = cbor_bytestring_length(items[i]);
        } else {
            value.data2 = cbor_bytestring_handle(items[i]);
            value.data2_len = cbor_bytestring_length(items[i]);
        }
    }
    return value;
}

static void read_queue(const cbor_item_t *list, parcel_side *out)
{
    out->queued = (uint32_t)cbor_array_size(list);
    MUST(out->queued <= PARCEL_QUEUE);
    for (uint32_t i = 0; i < out->queued; i++) {
        cbor_item_t **parts = cbor_array_handle(cbor_array_handle(list)[i]);
        parcel_event *e = &out->queue[i];
        e->event = (uint32_t)cbor_get_int(parts[0]);
        e->raised = cbor_ctrl_value(parts[1]) == CBOR_CTRL_TRUE;
        e->count = (uint32_t)cbor_array_size(parts[2]);
        for (uint32_t k = 0; k < e->count; k++)
            e->args[k] = read_argument(cbor_array_handle(parts[2])[k]);
    }
}

void parcel_read(const parcel *p, parcel_side *out)
{
    static cbor_item_t *trees[4]; /* so many parcels can be looked at together */
    static unsigned next;
    struct cbor_load_result result;
    cbor_item_t **tree = &trees[next++ % 4];
    *out = (parcel_side){0};
    if (p->sidecar_len == 0)
        return;
    if (*tree != NULL)
        cbor_decref(tree);
    *tree = cbor_load(p->sidecar, p->sidecar_len, &result);
    MUST(*tree != NULL && result.read == p->sidecar_len && cbor_isa_map(*tree));
    for (size_t i = 0; i < cbor_map_size(*tree); i++) {
        struct cbor_pair pair = cbor_map_handle(*tree)[i];
        switch (cbor_get_int(pair.key)) {
        case 1:
            out->sequence = cbor_get_int(pair.value);
            break;
        case 2:
            out->revision = cbor_get_int(pair.value);
            break;
        case 3:
            out->owed = (uint32_t)cbor_get_int(pair.value);
            break;
        case 4:
            read_queue(pair.value, out);
            break;
        case 5:
            out->mark = (uint32_t)cbor_get_int(pair.value);
            break;
        case 6:
            out->carried = (uint32_t)cbor_array_size(pair.value);
            break;
        default:
            break;
        }
    }
}

/* ---- Hosts */

static void asked(void *ctx, const dealfsm_op *op)
{
    move_host *h = ctx;
    const dealfsm_op_info *info = description_op(&move_module_of(h->version)->machine, op->op);
    MUST(info != NULL && op->nth == 1);
    if (info->op_class == DEALFSM_ONCE)
        h->once_asked = op->sequence + 1;
    if (h->on_op != NULL)
        h->on_op(h, op);
    else
        h->open = (move_op){op->op, op->sequence, op->nth, op->flags};
}

static int32_t put(void *ctx, const dealfsm_put *row)
{
    move_host *h = ctx;
    bool fails = h->puts_fail;
    if (h->row != NULL) {
        h->row->version = h->version;
        h->row->deal = row->deal;
        h->row->record_len = row->record_len;
        h->row->sidecar_len = row->sidecar_len;
        memcpy(h->row->record, row->record, row->record_len);
        memcpy(h->row->sidecar, row->sidecar, row->sidecar_len);
    }
    MUST(strcmp(row->machine_version, move_module_of(h->version)->version) == 0);
    h->puts_fail = fails || h->fail_next;
    h->fail_next = false;
    return fails ? DEALFSM_PUT_FAILED : DEALFSM_PUT_DURABLE;
}

static const void *service(void *ctx, const char *id)
{
    move_host *h = ctx;
    if (strcmp(id, "store/1") == 0)
        return &h->store;
    return strcmp(id, "environment/1") == 0 ? &h->environment : NULL;
}

void move_host_open(move_host *h, int version)
{
    dealfsm_services services = {.struct_size = sizeof services, .ctx = h, .service = service};
    *h = (move_host){.version = version};
    h->store = (dealfsm_store_v1){.struct_size = sizeof h->store, .ctx = h, .put = put};
    h->environment = (dealfsm_environment){
        sizeof h->environment, 0, h, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked,
    };
    MUST(move_module_of(version)->f->open(&services, &h->machine, NULL) == DEALFSM_OK);
}

void move_host_close(move_host *h)
{
    dealfsm_error error = {.struct_size = sizeof error};
    MUST_SAY(move_module_of(h->version)->f->close(h->machine, &error) == DEALFSM_OK, "close: %s", error.text);
}

static bool says_no(int32_t code)
{
    return code == DEALFSM_E_STAYS || code == DEALFSM_E_REFUSED;
}

int32_t move_take(move_host *h, const parcel *p, uint32_t flags, dealfsm_error *error)
{
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .flags = flags,
                                       .deal = p->deal,
                                       .machine_version = move_module_of(p->version)->version,
                                       .record = (uint8_t *)p->record, /* only read */
                                       .record_len = p->record_len,
                                       .sidecar = (uint8_t *)p->sidecar,
                                       .sidecar_len = p->sidecar_len};
    int32_t code = move_module_of(h->version)->f->restore(h->machine, &snapshot, error);
    MUST_SAY(code == DEALFSM_OK || says_no(code), "restore: %s", error->text);
    MUST(code == DEALFSM_OK || error->text[0] != '\0');
    return code;
}

int32_t move_give(move_host *h, uint64_t deal, int version, parcel *out, dealfsm_error *error)
{
    const move_module *m = move_module_of(h->version);
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .machine_version = move_module_of(version)->version,
                                 .record = out->record,
                                 .record_capacity = sizeof out->record,
                                 .sidecar = out->sidecar,
                                 .sidecar_capacity = sizeof out->sidecar};
    int32_t code = m->f->snapshot(h->machine, deal, &snapshot, error);
    MUST_SAY(code == DEALFSM_OK || says_no(code), "snapshot: %s", error->text);
    out->version = version;
    out->deal = deal;
    out->record_len = snapshot.record_len;
    out->sidecar_len = snapshot.sidecar_len;
    return code;
}

void move_drop(move_host *h, uint64_t deal)
{
    const dealfsm_functions *f = move_module_of(h->version)->f;
    f->freeze(h->machine, deal, NULL);
    MUST(f->drop(h->machine, deal, NULL) == DEALFSM_OK);
}

int32_t move_parcel(const parcel *from, int to, parcel *out, dealfsm_error *error)
{
    static move_host movers[VERSIONS];
    move_host *h = &movers[from->version < to ? to : from->version];
    if (h->machine == NULL)
        move_host_open(h, from->version < to ? to : from->version);
    *error = (dealfsm_error){.struct_size = sizeof *error};
    int32_t code = move_take(h, from, 0, error);
    if (code != DEALFSM_OK)
        return code;
    code = move_give(h, from->deal, to, out, error);
    move_drop(h, from->deal);
    return code;
}

/* ---- Vectors */

static char *next_line(gzFile in, char **line, size_t *room)
{
    size_t used = 0;
    for (;;) {
        if (*room - used < 2) {
            *room = *room * 2 + 65536;
            *line = realloc(*line, *room);
            MUST(*line != NULL);
        }
        if (gzgets(in, *line + used, (int)(*room - used)) == NULL)
            return used > 0 ? *line : NULL;
        used += strlen(*line + used);
        if ((*line)[used - 1] == '\n')
            return *line;
    }
}

void move_lines(int version, const char *file, move_line_fn *each, void *ctx)
{
    char path[1024], *line = NULL;
    size_t room = 0, count = 0;
    snprintf(path, sizeof path, TEST_SOURCE_DIR "/tests/vectors/%s/%s", move_module_of(version)->vectors, file);
    gzFile in = gzopen(path, "rb");
    MUST_SAY(in != NULL, "%s: cannot be opened", path);
    while (next_line(in, &line, &room) != NULL) {
        json_error_t error;
        json_t *json = json_loads(line, JSON_ALLOW_NUL, &error);
        MUST_SAY(json != NULL, "%s, line %zu: %s", path, count + 1, error.text);
        each(ctx, json);
        json_decref(json);
        count++;
    }
    MUST(count > 0);
    gzclose(in);
    free(line);
}

void move_bare(int version, values_arena *arena, const json_t *record, parcel *out)
{
    const move_module *m = move_module_of(version);
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record members;
    const char *why = "";
    MUST_SAY(values_record_from_json(arena, &m->machine, record, &members, &why), "%s", why);
    out->version = version;
    out->deal = members.id;
    out->sidecar_len = 0;
    MUST_SAY(m->record->encode(&members, out->record, sizeof out->record, &out->record_len, &error) == DEALFSM_OK,
             "encode: %s", error.text);
}

bool move_is_answer(const json_t *step)
{
    return json_object_get(step, "call") != NULL;
}

bool move_event(values_arena *arena, const json_t *step, dealfsm_event *out)
{
    dealfsm_value *args;
    *out = (dealfsm_event){.struct_size = sizeof *out,
                           .event = (uint32_t)json_integer_value(json_object_get(step, "event")),
                           .args_stride = sizeof(dealfsm_value)};
    bool read = values_args_from_json(arena, json_object_get(step, "args"), &args, &out->args_count);
    out->args = read ? args : NULL;
    return read;
}

void move_answer(int version, values_arena *arena, uint64_t deal, const move_op *op, const json_t *step, dealfsm_answer *out)
{
    static const char *const ignored[] = {"height", NULL};
    const char *why = "";
    const dealfsm_op_info *info = description_op(&move_module_of(version)->machine, op->op);
    MUST(info != NULL);
    *out = (dealfsm_answer){.struct_size = sizeof *out};
    MUST_SAY(values_answer_from_json(arena, info, json_object_get(step, "answer"), ignored, out, &why), "%s", why);
    out->op = op->op;
    out->deal = deal;
    out->sequence = op->sequence;
    out->nth = op->nth;
}

void move_step(move_host *h, values_arena *arena, uint64_t deal, const json_t *step)
{
    const dealfsm_functions *f = move_module_of(h->version)->f;
    dealfsm_answer answer;
    dealfsm_event event;
    if (!move_is_answer(step)) {
        if (move_event(arena, step, &event))
            f->dispatch(h->machine, deal, &event, NULL, NULL);
        return;
    }
    move_answer(h->version, arena, deal, &h->open, step, &answer);
    h->open = (move_op){0};
    MUST(f->complete(h->machine, &answer, NULL) == DEALFSM_OK);
}
