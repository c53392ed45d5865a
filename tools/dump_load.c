/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dump_load.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where this program's own install has its modules; the install may have been moved since it was configured. */
static const char *module_folder(void)
{
    static char room[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", room, sizeof room - sizeof "/../lib/dealfsm");
    if (access(DEALFSM_MODULE_DIR, R_OK) == 0 || size <= 0) {
        return DEALFSM_MODULE_DIR;
    }
    room[size] = '\0';
    strcpy(strrchr(room, '/'), "/../lib/dealfsm");
    return access(room, R_OK) == 0 ? room : DEALFSM_MODULE_DIR;
}

static bool told(const char *path, const char *why)
{
    fprintf(stderr, "dealfsm-dump: %s: %s\n", path, why);
    return false;
}

static bool load_into(dealfsm_host *host, const char *path, dump_module *out)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_module *module = NULL;
    const char *what = "";
    *out = (dump_module){.info = {.struct_size = sizeof out->info}};
    if (dealfsm_host_load(host, path, &module, &error) < 0 ||
        dealfsm_host_module_info(module, &out->info, &error) < 0) {
        fprintf(stderr, "dealfsm-dump: %s\n", error.text); /* it names the path */
        return false;
    }
    if (out->info.describe == NULL || out->info.record == NULL) {
        return told(path, "expected a module that offers describe/1 and record/1, found one without");
    }
    if (!description_load(&out->machine, out->info.describe, &what)) {
        fprintf(stderr, "dealfsm-dump: %s: describe/1: %s gave no list that ends\n", path, what);
        description_release(&out->machine);
        return false;
    }
    return true;
}

bool dump_load(dump_modules *all, const char *path)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (all->host == NULL && dealfsm_host_new(NULL, &all->host, &error) < 0) {
        return told(path, error.text);
    }
    dump_module *more = realloc(all->list, (all->count + 1) * sizeof *more);
    if (more == NULL) {
        return told(path, "out of memory");
    }
    all->list = more;
    if (!load_into(all->host, path, &all->list[all->count])) {
        return false;
    }
    all->count++;
    return true;
}

static int by_version(const void *a, const void *b)
{
    const dump_module *left = a;
    const dump_module *right = b;
    return strverscmp(left->machine.machine_version, right->machine.machine_version);
}

static int is_module_name(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".so") == 0;
}

static bool load_names(dump_modules *all, const char *folder, struct dirent **names, int count)
{
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, names[i]->d_name) < 0) {
            return told(folder, "out of memory");
        }
        dump_load(all, path); /* it tells what it refuses */
        free(path);
    }
    return all->count > 0 || told(folder, "expected modules (dealfsm-client-….so) in this folder, found none that can "
                                          "be used; name one with --module FILE");
}

bool dump_load_folder(dump_modules *all, const char *folder)
{
    struct dirent **names = NULL;
    folder = folder == NULL ? module_folder() : folder;
    const int count = scandir(folder, &names, is_module_name, versionsort);
    if (count < 0) {
        fprintf(stderr, "dealfsm-dump: folder of modules %s: %s; name another with --modules DIR\n", folder,
                strerror(errno));
        return false;
    }
    const bool good = load_names(all, folder, names, count);
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    if (good) {
        qsort(all->list, all->count, sizeof *all->list, by_version);
    }
    return good;
}

void dump_unload(dump_modules *all)
{
    for (size_t i = 0; i < all->count; i++) {
        description_release(&all->list[i].machine);
    }
    free(all->list);
    dealfsm_host_free(all->host, NULL);
    *all = (dump_modules){0};
}

const dump_module *dump_module_of(const dump_modules *all, const char *version)
{
    for (size_t i = 0; version != NULL && i < all->count; i++) {
        if (strcmp(all->list[i].machine.machine_version, version) == 0) {
            return &all->list[i];
        }
    }
    return NULL;
}

/* ---- Machines in which nothing runs */
/* No deal is ever activated, so no op is ever asked for. */
static void never_asked(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    (void)op;
}

static const void *find_service(void *ctx, const char *id)
{
    static const dealfsm_environment environment = {.struct_size = sizeof environment,
                                                    .OpenDataTransfer = never_asked,
                                                    .SendDataTransferVoucher = never_asked,
                                                    .CloseDataTransfer = never_asked,
                                                    .GetChainHead = never_asked,
                                                    .GetOrCreatePaymentChannel = never_asked,
                                                    .AllocateLane = never_asked,
                                                    .CreatePaymentVoucher = never_asked,
                                                    .WaitForPaymentChannelCreation = never_asked,
                                                    .WaitForPaymentChannelAddFunds = never_asked,
                                                    .WaitForPaymentChannelReady = never_asked,
                                                    .CheckAvailableFunds = never_asked,
                                                    .FinalizeBlockstore = never_asked};
    (void)ctx;
    return strcmp(id, "environment/1") == 0 ? &environment : NULL;
}

dealfsm_machine **dump_machines_open(const dump_modules *all, const char *command)
{
    const dealfsm_services idle = {.struct_size = sizeof idle, .service = find_service};
    dealfsm_machine **machines = calloc(all->count + 1, sizeof(dealfsm_machine *));
    if (machines == NULL) {
        fprintf(stderr, "%s: out of memory\n", command);
        return NULL;
    }
    for (size_t i = 0; i < all->count; i++) {
        dealfsm_error error = {.struct_size = sizeof error};
        const dealfsm_module_info *info = &all->list[i].info;
        if (info->functions->open(&idle, &machines[i], &error) < 0) {
            fprintf(stderr, "%s: %s: %s\n", command, info->path, error.text);
            dump_machines_close(all, machines);
            return NULL;
        }
    }
    return machines;
}

void dump_machines_close(const dump_modules *all, dealfsm_machine **machines)
{
    for (size_t i = 0; machines != NULL && i < all->count; i++) {
        if (machines[i] != NULL) {
            all->list[i].info.functions->close(machines[i], NULL);
        }
    }
    free(machines);
}
