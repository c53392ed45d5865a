/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

/* For tests: a VFS in front of the system's own, which fails as a plan says. For a power cut it keeps what was written
 * since the last sync of each file to itself, as a disk's cache does, and shows it to its own connection only. */

typedef struct change {
    struct change *next;
    sqlite3_int64 offset;
    int length;
    uint8_t bytes[];
} change;

typedef struct faults_file {
    sqlite3_file base;
    struct faults_vfs *vfs;
    sqlite3_file *real;
    bool watched;  /* a database or its journal */
    change *first; /* not synced yet */
    change **last;
    struct faults_file *next;
} faults_file;

typedef struct faults_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *real;
    dealfsm_store_faults plan;
    uint64_t count; /* of writes or syncs, whichever the plan counts */
    uint64_t dice;
    bool off;
    faults_file *files;
    char name[48];
} faults_vfs;

/* ---- The plan */

static bool is_hit(faults_vfs *vfs)
{
    const dealfsm_store_faults *plan = &vfs->plan;
    vfs->count++;
    return vfs->count >= plan->first && (plan->count == 0 || vfs->count - plan->first < plan->count);
}

/* xorshift64*, S. Vigna. */
static uint64_t throw_dice(faults_vfs *vfs)
{
    vfs->dice ^= vfs->dice >> 12;
    vfs->dice ^= vfs->dice << 25;
    vfs->dice ^= vfs->dice >> 27;
    return vfs->dice * 0x2545F4914F6CDD1Du >> 8;
}

/* ---- What is not synced yet */

static int write_out(faults_file *file, int (*length_of)(faults_vfs *vfs, const change *one))
{
    int code = SQLITE_OK;
    for (change *one = file->first, *next; one != NULL; one = next) {
        next = one->next;
        int length = length_of != NULL ? length_of(file->vfs, one) : one->length;
        if (length > 0 && code == SQLITE_OK)
            code = file->real->pMethods->xWrite(file->real, one->bytes, length, one->offset);
        free(one);
    }
    file->first = NULL;
    file->last = &file->first;
    return code;
}

/* A disk writes sectors: some of them are there, or none, or all. */
static int torn(faults_vfs *vfs, const change *one)
{
    enum { SECTOR = 512 };
    switch (throw_dice(vfs) % 3) {
    case 0:
        return 0;
    case 1:
        return (int)(throw_dice(vfs) % (uint64_t)(one->length / SECTOR + 1)) * SECTOR;
    default:
        return one->length;
    }
}

static void cut_power(faults_vfs *vfs)
{
    for (faults_file *file = vfs->files; file != NULL; file = file->next)
        write_out(file, torn);
    vfs->off = true;
}

/* ---- A file */

static faults_file *of(sqlite3_file *file)
{
    return (faults_file *)file;
}

static int file_close(sqlite3_file *base)
{
    faults_file *file = of(base);
    faults_file **at = &file->vfs->files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    write_out(file, NULL);
    return file->real->pMethods->xClose(file->real);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    const faults_file *file = of(base);
    int code = file->real->pMethods->xFileSize(file->real, size);
    for (const change *one = file->first; one != NULL; one = one->next) {
        if (one->offset + one->length > *size)
            *size = one->offset + one->length;
    }
    return code;
}

static void lay_over(const change *one, uint8_t *buffer, int amount, sqlite3_int64 offset)
{
    sqlite3_int64 from = one->offset > offset ? one->offset : offset;
    sqlite3_int64 end = one->offset + one->length < offset + amount ? one->offset + one->length : offset + amount;
    if (from < end)
        memcpy(buffer + (from - offset), one->bytes + (from - one->offset), (size_t)(end - from));
}

static int file_read(sqlite3_file *base, void *buffer, int amount, sqlite3_int64 offset)
{
    const faults_file *file = of(base);
    sqlite3_int64 size = 0;
    if (file->vfs->off)
        return SQLITE_IOERR_READ;
    int code = file->real->pMethods->xRead(file->real, buffer, amount, offset);
    for (const change *one = file->first; one != NULL; one = one->next)
        lay_over(one, buffer, amount, offset);
    if (code == SQLITE_IOERR_SHORT_READ && file_size(base, &size) == SQLITE_OK && size >= offset + amount)
        return SQLITE_OK;
    return code;
}

static int keep(faults_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    change *one = malloc(sizeof *one + (size_t)length);
    if (one == NULL)
        return SQLITE_IOERR_NOMEM;
    *one = (change){.offset = offset, .length = length};
    memcpy(one->bytes, bytes, (size_t)length);
    *file->last = one;
    file->last = &one->next;
    return SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset)
{
    faults_file *file = of(base);
    faults_vfs *vfs = file->vfs;
    if (vfs->off)
        return SQLITE_IOERR_WRITE;
    if (file->watched && vfs->plan.kind == DEALFSM_FAULT_WRITE && is_hit(vfs))
        return SQLITE_IOERR_WRITE;
    if (file->watched && vfs->plan.kind == DEALFSM_FAULT_FULL && is_hit(vfs))
        return SQLITE_FULL;
    if (file->watched && vfs->plan.kind == DEALFSM_FAULT_POWER)
        return keep(file, bytes, length, offset);
    return file->real->pMethods->xWrite(file->real, bytes, length, offset);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    faults_file *file = of(base);
    if (file->vfs->off)
        return SQLITE_IOERR_TRUNCATE;
    int code = write_out(file, NULL);
    return code == SQLITE_OK ? file->real->pMethods->xTruncate(file->real, size) : code;
}

static int file_sync(sqlite3_file *base, int flags)
{
    faults_file *file = of(base);
    faults_vfs *vfs = file->vfs;
    if (vfs->off)
        return SQLITE_IOERR_FSYNC;
    if (file->watched && vfs->plan.kind == DEALFSM_FAULT_SYNC && is_hit(vfs))
        return SQLITE_IOERR_FSYNC;
    if (file->watched && vfs->plan.kind == DEALFSM_FAULT_POWER && is_hit(vfs)) {
        cut_power(vfs);
        return SQLITE_IOERR_FSYNC;
    }
    int code = write_out(file, NULL);
    return code == SQLITE_OK ? file->real->pMethods->xSync(file->real, flags) : code;
}

/* All else goes to the real file. */
static int file_lock(sqlite3_file *base, int lock)
{
    return of(base)->real->pMethods->xLock(of(base)->real, lock);
}
static int file_unlock(sqlite3_file *base, int lock)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, lock);
}
static int file_reserved(sqlite3_file *base, int *result)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, result);
}
static int file_control(sqlite3_file *base, int op, void *arg)
{
    return of(base)->real->pMethods->xFileControl(of(base)->real, op, arg);
}
static int file_sector(sqlite3_file *base)
{
    return of(base)->real->pMethods->xSectorSize(of(base)->real);
}
static int file_device(sqlite3_file *base)
{
    return of(base)->real->pMethods->xDeviceCharacteristics(of(base)->real);
}
static int file_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **memory)
{
    return of(base)->real->pMethods->xShmMap(of(base)->real, page, size, extend, memory);
}
static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    return of(base)->real->pMethods->xShmLock(of(base)->real, offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *base)
{
    of(base)->real->pMethods->xShmBarrier(of(base)->real);
}
static int file_shm_unmap(sqlite3_file *base, int remove)
{
    return of(base)->real->pMethods->xShmUnmap(of(base)->real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- The VFS */

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *opened, int flags, int *out_flags)
{
    faults_vfs *vfs = (faults_vfs *)base;
    faults_file *file = of(opened);
    memset(file, 0, sizeof *file);
    file->real = (sqlite3_file *)(file + 1);
    if (vfs->off)
        return SQLITE_CANTOPEN;
    int code = vfs->real->xOpen(vfs->real, name, file->real, flags, out_flags);
    if (code != SQLITE_OK)
        return code;
    file->base.pMethods = &methods;
    file->vfs = vfs;
    file->watched = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL);
    file->last = &file->first;
    file->next = vfs->files;
    vfs->files = file;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync)
{
    faults_vfs *vfs = (faults_vfs *)base;
    return vfs->off ? SQLITE_IOERR_DELETE : vfs->real->xDelete(vfs->real, name, sync);
}

sqlite3_vfs *sqlite_faults_new(const dealfsm_store_faults *faults)
{
    faults_vfs *vfs = malloc(sizeof *vfs);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (vfs == NULL || real == NULL) {
        free(vfs);
        return NULL;
    }
    *vfs = (faults_vfs){.base = *real, .real = real, .plan = *faults, .dice = faults->seed * 2 + 1};
    sqlite3_snprintf(sizeof vfs->name, vfs->name, "dealfsm-faults-%p", (void *)vfs);
    vfs->base.szOsFile = (int)sizeof(faults_file) + real->szOsFile;
    vfs->base.pNext = NULL;
    vfs->base.zName = vfs->name;
    vfs->base.xOpen = vfs_open;
    vfs->base.xDelete = vfs_delete;
    sqlite3_vfs_register(&vfs->base, 0);
    return &vfs->base;
}

void sqlite_faults_free(sqlite3_vfs *vfs)
{
    sqlite3_vfs_unregister(vfs);
    free(vfs);
}
