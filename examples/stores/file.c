/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A durable store of a host's own: one file that only grows. Build and try it:
 *   cc -shared -fPIC -o file.so file.c $(pkg-config --cflags dealfsm)
 *   dealfsm-validate MODULE --store library:./file.so:try
 *
 * The file is a number that says what it is, and entries, one for each put: a head, then version, record, sidecar and what
 * happened. A put is answered when
 * fdatasync has returned, and only then seen by readers. Memory holds where each entry stands, by deal and revision: the
 * last of a deal is its row. Numbers are in this machine's byte order. */
#define _GNU_SOURCE
#include <dealfsm/storelibrary.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x3165726f7473) /* "store1" */

typedef struct head {
    uint64_t magic;
    uint64_t sum; /* of the head behind it */
    uint64_t body_sum;
    uint64_t body_len;
    uint64_t deal, revision, sequence, status;
    int64_t when;
    uint64_t retold_from; /* history of this deal from this revision on was told by puts that failed; 0: none */
    uint64_t record_len, sidecar_len;
    uint32_t version_len; /* with NUL */
    uint32_t events;
    uint32_t final_state;
    uint32_t reserved;
} head;

typedef struct told { /* followed by its message */
    uint32_t kind, event;
    int32_t reason;
    uint32_t message_len;
    uint64_t sequence, from, to;
} told;

typedef struct place { /* of an entry */
    uint64_t deal, revision;
    off_t at;
    bool damaged; /* its head can be read, the rest cannot */
    bool untold;  /* retold by a later put */
} place;

typedef struct store {
    int fd;
    char *path;
    const dealfsm_log_v1 *log;
    dealfsm_store_v1 service;
    uint64_t retold_from; /* for the next put */
    bool dirty;           /* a failed put may have left something behind `end` */
    pthread_mutex_t lock; /* guards what follows; never held over a call of the host */
    off_t end;
    place *places; /* by deal and revision */
    size_t count, room;
} store;

static int32_t fail(dealfsm_error *error, int32_t code, const char *path, const char *why)
{
    error->code = code;
    snprintf(error->text, sizeof error->text, "%.200s: %s", path, why);
    return code;
}

/* FNV-1a */
static uint64_t sum_of(const void *bytes, size_t length)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static uint64_t head_sum(const head *h)
{
    return sum_of(&h->body_sum, sizeof *h - offsetof(head, body_sum));
}

/* ---- Memory: with the lock held */

/* The first place that is not before (deal, revision). */
static size_t find(const store *s, uint64_t deal, uint64_t revision)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const place *p = &s->places[middle];
        if (p->deal < deal || (p->deal == deal && p->revision < revision))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The place of the deal's row; NULL: none. */
static const place *row_place(const store *s, uint64_t deal)
{
    size_t i = find(s, deal, UINT64_MAX);
    i += i < s->count && s->places[i].deal == deal; /* the highest of all revisions */
    return i > 0 && s->places[i - 1].deal == deal ? &s->places[i - 1] : NULL;
}

static bool make_room(store *s)
{
    if (s->count < s->room)
        return true;
    size_t room = s->room > 0 ? 2 * s->room : 64;
    place *places = realloc(s->places, room * sizeof *places);
    if (places != NULL) {
        s->places = places;
        s->room = room;
    }
    return places != NULL;
}

/* There is room for it. */
static void note(store *s, const head *h, off_t at, bool damaged)
{
    for (size_t i = find(s, h->deal, h->retold_from);
         h->retold_from > 0 && i < s->count && s->places[i].deal == h->deal; i++)
        s->places[i].untold = true;
    size_t i = find(s, h->deal, h->revision);
    memmove(&s->places[i + 1], &s->places[i], (s->count - i) * sizeof *s->places);
    s->places[i] = (place){.deal = h->deal, .revision = h->revision, .at = at, .damaged = damaged};
    s->count++;
}

/* ---- The file */

static bool read_all(int fd, void *bytes, size_t length, off_t at)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(fd, (char *)bytes + done, length - done, at + (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t length, off_t at)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pwrite(fd, (const char *)bytes + done, length - done, at + (off_t)done);
        if (got < 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The body of the entry at `at`, with its head; NULL: it cannot be read. */
static uint8_t *read_entry(int fd, off_t at, head *h)
{
    uint8_t *body = NULL;
    if (read_all(fd, h, sizeof *h, at) && h->magic == MAGIC && h->sum == head_sum(h) &&
        (body = malloc(h->body_len + 1)) != NULL &&
        (!read_all(fd, body, h->body_len, at + (off_t)sizeof *h) || h->body_sum != sum_of(body, h->body_len))) {
        free(body);
        body = NULL;
    }
    return body;
}

/* Finds the entries. Behind the last that is whole there may be a torn one, of a put that was never answered; a gap before
 * another whole one is damage. */
static int32_t find_entries(store *s, dealfsm_error *error)
{
    off_t size = lseek(s->fd, 0, SEEK_END);
    for (off_t at = s->end; at + (off_t)sizeof(head) <= size;) {
        head h;
        uint8_t *body = read_entry(s->fd, at, &h);
        bool named = h.magic == MAGIC && h.sum == head_sum(&h);
        off_t after = at + (off_t)sizeof h + (off_t)h.body_len;
        if (!make_room(s))
            return fail(error, DEALFSM_E_NO_MEMORY, s->path, "out of memory");
        if (body == NULL && !(named && after < size)) {
            at++;
            continue;
        }
        if (at != s->end || body == NULL)
            s->log->log(s->log->ctx, DEALFSM_LOG_WARNING, h.deal,
                        "a part of the store's file before this deal's, or "
                        "its own, is damaged and left out");
        note(s, &h, at, body == NULL);
        free(body);
        at = s->end = after;
    }
    s->dirty = s->end < size;
    return DEALFSM_OK;
}

/* ---- Writing */

static uint8_t *add(uint8_t *at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(at, bytes, length);
    return at + length;
}

static const dealfsm_happened *happened_at(const dealfsm_put *put, uint32_t i)
{
    return (const dealfsm_happened *)(const void *)((const char *)put->happened + (size_t)i * put->happened_stride);
}

/* Head and body in one piece; NULL: no memory. */
static uint8_t *make_entry(const dealfsm_put *put, uint64_t retold_from, head *h)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *h = (head){.magic = MAGIC,
                .deal = put->deal,
                .revision = put->revision,
                .sequence = put->sequence,
                .status = put->status,
                .when = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                .retold_from = retold_from,
                .record_len = put->record_len,
                .sidecar_len = put->sidecar_len,
                .version_len = (uint32_t)strlen(put->machine_version) + 1,
                .events = put->happened_count,
                .final_state = put->final_state};
    h->body_len = h->version_len + h->record_len + h->sidecar_len + h->events * sizeof(told);
    for (uint32_t i = 0; i < put->happened_count; i++)
        h->body_len += happened_at(put, i)->message_len;
    uint8_t *entry = malloc(sizeof *h + h->body_len), *at = entry + sizeof *h;
    if (entry == NULL)
        return NULL;
    at = add(at, put->machine_version, h->version_len);
    at = add(at, put->record, put->record_len);
    at = add(at, put->sidecar, put->sidecar_len);
    for (uint32_t i = 0; i < put->happened_count; i++) {
        const dealfsm_happened *one = happened_at(put, i);
        const told t = {one->kind,     one->event, one->reason, (uint32_t)one->message_len,
                        one->sequence, one->from,  one->to};
        at = add(add(at, &t, sizeof t), one->message, one->message_len);
    }
    h->body_sum = sum_of(entry + sizeof *h, h->body_len);
    h->sum = head_sum(h);
    memcpy(entry, h, sizeof *h);
    return entry;
}

/* Behind what is known to be good: what a failed put may have left there goes first. */
static bool append(store *s, const uint8_t *entry, size_t length)
{
    bool clean = !s->dirty || ftruncate(s->fd, s->end) == 0;
    s->dirty = true;
    if (!clean || !write_all(s->fd, entry, length, s->end) || fdatasync(s->fd) != 0)
        return false;
    s->dirty = false;
    return true;
}

static int32_t put(void *ctx, const dealfsm_put *put)
{
    store *s = ctx;
    head h;
    pthread_mutex_lock(&s->lock);
    const place *row = row_place(s, put->deal);
    const bool lost = row != NULL && put->revision <= row->revision;
    const bool room = make_room(s);
    pthread_mutex_unlock(&s->lock);
    if (lost || !room)
        return lost ? DEALFSM_PUT_LOST : DEALFSM_PUT_FAILED;
    uint8_t *entry = make_entry(put, s->retold_from, &h);
    const bool durable = entry != NULL && append(s, entry, sizeof h + h.body_len);
    s->retold_from = 0;
    free(entry);
    if (!durable)
        return DEALFSM_PUT_FAILED;
    pthread_mutex_lock(&s->lock);
    note(s, &h, s->end, false);
    s->end += (off_t)(sizeof h + h.body_len);
    pthread_mutex_unlock(&s->lock);
    return DEALFSM_PUT_DURABLE;
}

/* The put that comes next is of this deal. */
static void retold(void *ctx, uint64_t deal, uint64_t revision)
{
    (void)deal;
    ((store *)ctx)->retold_from = revision;
}

/* ---- Reading */

/* The first place of the next deal above *after, and its row's. */
static bool next_deal(store *s, const uint64_t *after, place *first, place *row)
{
    pthread_mutex_lock(&s->lock);
    size_t i = after != NULL ? find(s, *after, UINT64_MAX) : 0;
    while (after != NULL && i < s->count && s->places[i].deal == *after)
        i++;
    const bool there = i < s->count;
    if (there) {
        *first = s->places[i];
        *row = *row_place(s, first->deal);
    }
    pthread_mutex_unlock(&s->lock);
    return there;
}

static int32_t give_row(const store *s, const place *first, const place *at, dealfsm_store_row_fn *each, void *ctx)
{
    head h, oldest;
    uint8_t *body = at->damaged ? NULL : read_entry(s->fd, at->at, &h);
    dealfsm_store_row row = {.struct_size = sizeof row, .deal = at->deal, .revision = at->revision};
    if (body == NULL) {
        row.flags = DEALFSM_ROW_DAMAGED;
        row.damage = "its last entry in the store's file is damaged";
    } else {
        row.flags = h.final_state ? DEALFSM_ROW_FINAL : 0;
        row.sequence = h.sequence;
        row.status = h.status;
        row.machine_version = (const char *)body;
        row.created = read_all(s->fd, &oldest, sizeof oldest, first->at) ? oldest.when : 0;
        row.updated = h.when;
        row.record = body + h.version_len;
        row.record_len = h.record_len;
        row.sidecar = row.record + h.record_len;
        row.sidecar_len = h.sidecar_len;
    }
    const int32_t result = each(ctx, &row);
    free(body);
    return result;
}

static int32_t rows(void *ctx, const uint64_t *after, dealfsm_store_row_fn *each, void *each_ctx, dealfsm_error *error)
{
    store *s = ctx;
    place first, row;
    uint64_t last;
    int32_t result = 0;
    (void)error;
    while (result == 0 && next_deal(s, after, &first, &row)) {
        result = give_row(s, &first, &row, each, each_ctx);
        last = row.deal;
        after = &last;
    }
    return result;
}

static int32_t give_events(const store *s, const place *at, dealfsm_store_event_fn *each, void *ctx)
{
    head h;
    int32_t result = 0;
    uint8_t *body = read_entry(s->fd, at->at, &h);
    const uint8_t *next = body != NULL ? body + h.version_len + h.record_len + h.sidecar_len : NULL;
    for (uint32_t i = 0; body != NULL && result == 0 && i < h.events; i++) {
        told t;
        memcpy(&t, next, sizeof t);
        const dealfsm_store_event event = {.struct_size = sizeof event,
                                           .kind = t.kind,
                                           .deal = at->deal,
                                           .revision = at->revision,
                                           .sequence = t.sequence,
                                           .event = t.event,
                                           .reason = t.reason,
                                           .from = t.from,
                                           .to = t.to,
                                           .when = h.when,
                                           .message = (const char *)next + sizeof t,
                                           .message_len = t.message_len};
        result = each(ctx, &event);
        next += sizeof t + t.message_len;
    }
    free(body);
    return result;
}

static int32_t history(void *ctx, const uint64_t *deal, dealfsm_store_event_fn *each, void *each_ctx,
                       dealfsm_error *error)
{
    store *s = ctx;
    uint64_t at = deal != NULL ? *deal : 0, revision = 0;
    int32_t result = 0;
    (void)error;
    for (bool there = true; there && result == 0;) {
        pthread_mutex_lock(&s->lock);
        size_t i = find(s, at, revision);
        there = i < s->count && (deal == NULL || s->places[i].deal == *deal);
        const place one = there ? s->places[i] : (place){0};
        pthread_mutex_unlock(&s->lock);
        if (there && !one.untold && !one.damaged)
            result = give_events(s, &one, each, each_ctx);
        at = one.deal;
        revision = one.revision + 1;
    }
    return result;
}

static uint64_t bytes(void *ctx)
{
    store *s = ctx;
    pthread_mutex_lock(&s->lock);
    const off_t end = s->end;
    pthread_mutex_unlock(&s->lock);
    return (uint64_t)end;
}

/* ---- Opening */

static void close_store(void *ctx)
{
    store *s = ctx;
    if (s->fd >= 0)
        close(s->fd); /* and the lock goes */
    pthread_mutex_destroy(&s->lock);
    free(s->places);
    free(s->path);
    free(s);
}

/* A file that was made is there after a power cut when its directory was synced. */
static bool sync_directory(const char *path)
{
    char *copy = strdup(path);
    const int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return synced;
}

/* A file that is new, or whose making was cut short, gets its number. */
static bool is_ours(store *s, bool read_only)
{
    uint64_t number = 0;
    s->end = sizeof number;
    if (lseek(s->fd, 0, SEEK_END) > (off_t)sizeof number || (read_all(s->fd, &number, sizeof number, 0) && number != 0))
        return read_all(s->fd, &number, sizeof number, 0) && number == MAGIC;
    number = MAGIC;
    return read_only || write_all(s->fd, &number, sizeof number, 0);
}

static int32_t open_file(store *s, uint32_t flags, dealfsm_error *error)
{
    const bool read_only = (flags & DEALFSM_STORE_READ_ONLY) != 0;
    const int make = flags & (DEALFSM_STORE_READ_ONLY | DEALFSM_STORE_MUST_EXIST) ? 0 : O_CREAT;
    s->fd = open(s->path, (read_only ? O_RDONLY : O_RDWR) | make | O_CLOEXEC, 0644);
    if (s->fd < 0)
        return fail(error, errno == ENOENT && make == 0 ? DEALFSM_E_NOT_FOUND : DEALFSM_E_IO, s->path, strerror(errno));
    if (!read_only && flock(s->fd, LOCK_EX | LOCK_NB) != 0)
        return fail(error, DEALFSM_E_BUSY, s->path, "is locked: another node writes to this store; stop it");
    if (make != 0 && !sync_directory(s->path))
        return fail(error, DEALFSM_E_IO, s->path, "its directory cannot be synced");
    if (!is_ours(s, read_only))
        return fail(error, DEALFSM_E_CORRUPT, s->path, "expected a file of this store, found another");
    if (find_entries(s, error) < 0)
        return error->code;
    /* What a killed process wrote may not have reached the disk, though it can be read. */
    return read_only || fdatasync(s->fd) == 0 ? DEALFSM_OK : fail(error, DEALFSM_E_IO, s->path, strerror(errno));
}

dealfsm_store_library_fn dealfsm_store_library_v1;
int32_t dealfsm_store_library_v1(const dealfsm_store_request *request, dealfsm_store_library *library,
                                 dealfsm_error *error)
{
    store *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(request->place)) == NULL) {
        free(s);
        return fail(error, DEALFSM_E_NO_MEMORY, request->place, "out of memory");
    }
    s->fd = -1;
    s->log = request->log;
    s->service = (dealfsm_store_v1){.struct_size = sizeof s->service, .ctx = s, .put = put};
    pthread_mutex_init(&s->lock, NULL);
    const int32_t result = open_file(s, request->flags, error);
    if (result < 0) {
        close_store(s);
        return result;
    }
    *library = (dealfsm_store_library){.struct_size = sizeof *library,
                                       .layout = 1,
                                       .ctx = s,
                                       .service = &s->service,
                                       .rows = rows,
                                       .history = history,
                                       .retold = retold,
                                       .bytes = bytes,
                                       .close = close_store};
    return DEALFSM_OK;
}
