/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loading modules: what is refused, with which words, and what is mapped how often. */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_kit.h"

static char scratch[64];
static dealfsm_host *host;
static dealfsm_module *module;

static void setup(void)
{
    strcpy(scratch, "/tmp/test-host-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
    host = new_host();
    module = NULL;
}

static void remove_all(const char *directory)
{
    DIR *entries = opendir(directory);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
    rmdir(directory);
}

static int files_in(const char *directory)
{
    int count = 0;
    DIR *entries = opendir(directory);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static void teardown(void)
{
    WORKS(dealfsm_host_free(host, &error));
    remove_all(scratch);
}

/* ---- Files to play with */

static const char *scratch_file(const char *name)
{
    static char path[2][128];
    static unsigned turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", scratch, name);
    return path[turn];
}

typedef struct {
    unsigned char *bytes;
    size_t size;
} content;

static content read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: expected a module made by the build, found none", path);
    struct stat about;
    ck_assert_int_eq(fstat(fileno(file), &about), 0);
    content all = {malloc((size_t)about.st_size), (size_t)about.st_size};
    ck_assert_uint_eq(fread(all.bytes, 1, all.size, file), all.size);
    fclose(file);
    return all;
}

static const char *write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_file(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* A copy of the stand-in with a byte more at its end: the same module, other content. */
static const char *copy_with_tail(const char *name, unsigned char tail)
{
    content all = read_file(MODULE("stand_in"));
    all.bytes = realloc(all.bytes, all.size + 1);
    all.bytes[all.size] = tail;
    const char *path = write_file(name, all.bytes, all.size + 1);
    free(all.bytes);
    return path;
}

/* How often this process has a file mapped whose path contains the text. */
static int mappings_of(const char *text)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    int count = 0;
    while (fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, text) != NULL && strstr(line, "r-xp") != NULL;
    fclose(maps);
    return count;
}

static dealfsm_module_info info_of(const dealfsm_module *of)
{
    dealfsm_module_info info = {.struct_size = sizeof info};
    WORKS(dealfsm_host_module_info(of, &info, &error));
    return info;
}

/* ---- What works */

START_TEST(a_module_is_loaded_and_tells_of_itself)
{
    dealfsm_module_info info = info_of(load(host, MODULE("stand_in")));
    ck_assert_str_eq(info.path, MODULE("stand_in"));
    ck_assert_str_ne(info.copy, info.path);
    ck_assert_uint_eq(strlen(info.sha256), 64);
    ck_assert_ptr_nonnull(strstr(info.copy, info.sha256));
    ck_assert_uint_gt(info.size, 1000);
    ck_assert_str_eq(info.manifest->name, "stand-in");
    ck_assert_str_eq(info.manifest->machine_version, "client 0.0.1");
    ck_assert_uint_eq(info.manifest->abi_major, 1);
    ck_assert_uint_eq(info.manifest->abi_minor_max, 0);
    ck_assert_uint_eq(info.manifest->reads_count, 2);
    ck_assert_str_eq(info.manifest->reads[1], "client 0.0.2");
    ck_assert_uint_eq(info.manifest->writes_count, 1);
    ck_assert_str_eq(info.manifest->needs[0], "environment/1");
    ck_assert_str_eq(info.manifest->uses[0], "log/1");
    ck_assert_str_eq(info.manifest->offers[0], "describe/1");
    ck_assert_str_eq(info.describe->machine_version, "client 0.0.1");
    ck_assert_ptr_null(info.record);
    ck_assert_uint_eq(info.functions->struct_size, sizeof *info.functions);
}
END_TEST

START_TEST(an_older_caller_gets_what_he_knows)
{
    struct {
        uint32_t struct_size, abi_minor;
        const char *path, *untouched;
    } old = {.struct_size = 16, .untouched = "as it was"};
    load(host, MODULE("stand_in"));
    dealfsm_module_info whole = info_of(load(host, MODULE("stand_in")));
    WORKS(dealfsm_host_module_info(load(host, MODULE("stand_in")), (dealfsm_module_info *)(void *)&old, &error));
    ck_assert_str_eq(old.path, whole.path);
    ck_assert_str_eq(old.untouched, "as it was");
}
END_TEST

START_TEST(the_same_content_is_mapped_once)
{
    dealfsm_module *first = load(host, copy_with_tail("one.so", 'c'));
    ck_assert_ptr_eq(first, load(host, copy_with_tail("two.so", 'c')));
    /* … in another host, too, also when the first is gone and its directory with it. */
    dealfsm_host *other = new_host();
    ck_assert_ptr_eq(first, load(other, scratch_file("two.so")));
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_ne(access(info_of(first).copy, F_OK), 0);
    host = new_host();
    ck_assert_ptr_eq(first, load(host, scratch_file("one.so")));
    WORKS(dealfsm_host_free(other, &error));
    ck_assert_int_eq(mappings_of(info_of(first).sha256), 1);
    ck_assert_int_eq(info_of(first).functions->counters != NULL, 1);
}
END_TEST

START_TEST(a_file_overwritten_in_place_does_no_harm)
{
    const char *path = copy_with_tail("module.so", 'o');
    dealfsm_module_info info = info_of(load(host, path));
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(ftruncate(fd, about.st_size), 0); /* all zeros now */
    close(fd);
    ck_assert_ptr_eq(info.functions->interface("describe/1"), info.describe);
    FAILS_WITH(DEALFSM_E_CORRUPT, "expected an ELF shared object", dealfsm_host_load(host, path, &module, &error));
}
END_TEST

START_TEST(a_file_replaced_by_rename_is_another_module)
{
    const char *path = copy_with_tail("module.so", 'r');
    dealfsm_module *old = load(host, path);
    content all = read_file(MODULE("stand_in_second"));
    const char *beside = write_file("new.so", all.bytes, all.size);
    free(all.bytes);
    ck_assert_int_eq(rename(beside, path), 0);
    dealfsm_module *now = load(host, path);
    ck_assert_ptr_ne(old, now);
    ck_assert_str_eq(info_of(old).manifest->machine_version, "client 0.0.1");
    ck_assert_str_eq(info_of(now).describe->machine_version, "client 0.0.2");
    ck_assert_ptr_ne(info_of(old).functions, info_of(now).functions);
}
END_TEST

static void *load_some(void *ctx)
{
    dealfsm_module **loaded = ctx;
    for (unsigned i = 0; i < 200; i++) {
        dealfsm_error error = ERROR_INIT;
        const char *path = i % 3 == 0   ? MODULE("stand_in")
                           : i % 3 == 1 ? MODULE("stand_in_second")
                                        : MODULE("lying_note");
        int32_t result = dealfsm_host_load(host, path, &loaded[i % 3], &error);
        if (result != (i % 3 == 2 ? DEALFSM_E_CORRUPT : DEALFSM_OK))
            return "another result than expected";
    }
    return NULL;
}

START_TEST(eight_threads_load)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    dealfsm_module *loaded[THREADS][3] = {{NULL}};
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, load_some, loaded[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        ck_assert_ptr_null(complaint);
        ck_assert_ptr_nonnull(loaded[i][0]);
        ck_assert_ptr_eq(loaded[i][0], loaded[0][0]);
        ck_assert_ptr_eq(loaded[i][1], loaded[0][1]);
        ck_assert_ptr_null(loaded[i][2]);
    }
}
END_TEST

/* ---- What is refused: code and part of the text. After each, the host still loads. */

static const struct {
    const char *path;
    int32_t code;
    const char *part;
} refused[] = {
    {"/nowhere/at/all.so", DEALFSM_E_IO, "expected a module file, found none"},
    {"/", DEALFSM_E_IO, "found a directory"},
    {"/dev/null", DEALFSM_E_IO, "found a special file"},
    {__FILE__, DEALFSM_E_CORRUPT, "expected an ELF shared object"},
    {"/proc/self/exe", DEALFSM_E_CORRUPT, "dealfsm_module_v1"},
    {MODULE("no_symbol"), DEALFSM_E_CORRUPT, "expected the exported function dealfsm_module_v1, found none"},
    {MODULE("no_note"), DEALFSM_E_CORRUPT, "expected a manifest in note .note.dealfsm, found none"},
    {MODULE("other_major"), DEALFSM_E_ABI, "exports dealfsm_module_v2, expected dealfsm_module_v1"},
    {MODULE("later_minor"), DEALFSM_E_ABI, "works with ABI 1.7 to 1.9, this host with 1.0 to 1.0"},
    {MODULE("refusing"), DEALFSM_E_ABI, "refuses this host: this module works with ABI 1.7 to 1.9"},
    {MODULE("bad_manifest"), DEALFSM_E_CORRUPT, "manifest, machine: expected a line, found none"},
    {MODULE("lying_note"), DEALFSM_E_CORRUPT, "its note is not true"},
    {MODULE("lying_describe"), DEALFSM_E_CORRUPT, "machine is \"client 0.0.1\" there, found client 0.0.9"},
    {MODULE("lying_offer"), DEALFSM_E_CORRUPT, "offers is \"record/1\" there, found no such interface"},
    {MODULE("short_describe"), DEALFSM_E_MISSING, "expected an interface describe/1 of 72 bytes, found 64"},
    {MODULE("half_table"), DEALFSM_E_MISSING, "the function thaw is missing"},
    {MODULE("unresolved"), DEALFSM_E_IO, "that_nobody_has"},
};
enum { REFUSED = sizeof refused / sizeof refused[0] };

START_TEST(refusals_have_their_own_words)
{
    const char *path = refused[_i].path;
    for (int again = 0; again < 2; again++) {
        FAILS_WITH(refused[_i].code, refused[_i].part, dealfsm_host_load(host, path, &module, &error));
        ck_assert_ptr_null(module);
    }
    load(host, MODULE("stand_in"));
}
END_TEST

START_TEST(a_refused_module_is_mapped_once)
{
    for (int i = 0; i < 5; i++) {
        FAILS_WITH(DEALFSM_E_CORRUPT, "its note is not true",
                   dealfsm_host_load(host, MODULE("lying_note"), &module, &error));
        WORKS(dealfsm_host_free(host, &error));
        host = new_host();
    }
    /* The copy went with the first host's directory. */
    ck_assert_int_eq(mappings_of("(deleted)"), 1);
}
END_TEST

START_TEST(an_unreadable_file_is_refused)
{
    const char *path = copy_with_tail("secret.so", 's');
    ck_assert_int_eq(chmod(path, 0), 0);
    if (geteuid() != 0)
        FAILS_WITH(DEALFSM_E_IO, "cannot be read: Permission denied", dealfsm_host_load(host, path, &module, &error));
}
END_TEST

START_TEST(a_fifo_does_not_keep_us_waiting)
{
    ck_assert_int_eq(mkfifo(scratch_file("fifo"), 0600), 0);
    FAILS_WITH(DEALFSM_E_IO, "found a special file", dealfsm_host_load(host, scratch_file("fifo"), &module, &error));
}
END_TEST

/* ---- Damaged files: patched copies of the stand-in. */

START_TEST(another_cpu_is_named)
{
    content all = read_file(MODULE("stand_in"));
    Elf64_Ehdr header;
    memcpy(&header, all.bytes, sizeof header);
    header.e_machine = header.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    memcpy(all.bytes, &header, sizeof header);
    const char *path = write_file("arm.so", all.bytes, all.size);
    FAILS_WITH(DEALFSM_E_VERSION, header.e_machine == EM_AARCH64 ? "is for aarch64, this is" : "is for x86-64, this is",
               dealfsm_host_load(host, path, &module, &error));
    /* Its manifest can be read all the same. */
    dealfsm_manifest *manifest;
    WORKS(dealfsm_host_manifest(path, &manifest, &error));
    ck_assert_str_eq(manifest->machine_version, "client 0.0.1");
    dealfsm_host_manifest_free(manifest);
    free(all.bytes);
}
END_TEST

START_TEST(an_object_file_is_refused)
{
    content all = read_file(MODULE("stand_in"));
    Elf64_Ehdr header;
    memcpy(&header, all.bytes, sizeof header);
    header.e_type = ET_REL;
    memcpy(all.bytes, &header, sizeof header);
    FAILS_WITH(DEALFSM_E_CORRUPT, "expected a shared object",
               dealfsm_host_load(host, write_file("o.so", all.bytes, all.size), &module, &error));
    free(all.bytes);
}
END_TEST

START_TEST(cut_off_files_are_refused_at_every_length)
{
    content all = read_file(MODULE("stand_in"));
    for (size_t size = 0; size < all.size; size += size < 512 ? 1 : 509) {
        dealfsm_error error = ERROR_INIT;
        const char *path = write_file("cut.so", all.bytes, size);
        int32_t result = dealfsm_host_load(host, path, &module, &error);
        ck_assert_msg(result == DEALFSM_E_CORRUPT && error.text[0] != '\0', "%zu bytes: expected CORRUPT, found %d: %s",
                      size, (int)result, error.text);
    }
    free(all.bytes);
}
END_TEST

START_TEST(the_manifest_is_read_without_loading)
{
    dealfsm_manifest *manifest = NULL;
    WORKS(dealfsm_host_manifest(MODULE("later_minor"), &manifest, &error));
    ck_assert_uint_eq(manifest->abi_minor_min, 7);
    ck_assert_uint_eq(manifest->abi_minor_max, 9);
    ck_assert_uint_eq(manifest->reads_count, 0);
    dealfsm_host_manifest_free(manifest);
    FAILS_WITH(DEALFSM_E_CORRUPT, "found none", dealfsm_host_manifest(MODULE("no_note"), &manifest, &error));
    FAILS_WITH(DEALFSM_E_IO, "found none", dealfsm_host_manifest("/nowhere.so", &manifest, &error));
    dealfsm_host_manifest_free(NULL);
}
END_TEST

/* Damage in the text of the note: what the line becomes, and what is said. The new one is as long as the old. */
static const struct {
    const char *from;
    const char *to;
    const char *part;
} damages[] = {
    {"name: stand-in", "namestand---in", "expected \"key: value\", found \"namestand---in\""},
    {"abi: 1.0-1.0", "abi: 1.0-2.0", "manifest, abi: expected MAJOR.MIN-MAJOR.MAX"},
    {"abi: 1.0-1.0", "abi: 1.0-1,0", "manifest, abi: expected MAJOR.MIN-MAJOR.MAX"},
    {"client 0.0.1, client", "client 0.0.1,_client", "manifest, reads: expected values with"},
    {"writes:", "reads: ", "manifest, reads: expected once, found twice"},
    {"machine: client 0.0.1", "machine: \nxxxxx: 0.0.1", "manifest, machine: expected a value, found none"},
};

START_TEST(damaged_manifests_are_refused)
{
    content all = read_file(MODULE("stand_in"));
    char *note = memmem(all.bytes, all.size, "name: stand-in\n", 15);
    ck_assert_ptr_nonnull(note);
    char *line = strstr(note, damages[_i].from);
    ck_assert_ptr_nonnull(line);
    memcpy(line, damages[_i].to, strlen(damages[_i].to));
    FAILS_WITH(DEALFSM_E_CORRUPT, damages[_i].part,
               dealfsm_host_load(host, write_file("damaged.so", all.bytes, all.size), &module, &error));
    free(all.bytes);
}
END_TEST

/* ---- Private directories */

static void use_directory(const char *directory)
{
    WORKS(dealfsm_host_free(host, &error));
    dealfsm_host_options options = {.struct_size = sizeof options, .private_dir = directory};
    WORKS(dealfsm_host_new(&options, &host, &error));
}

START_TEST(a_chosen_directory_is_made_and_keeps_the_copies)
{
    char directory[96];
    snprintf(directory, sizeof directory, "%s-chosen", scratch);
    use_directory(directory);
    dealfsm_module_info info = info_of(load(host, copy_with_tail("a.so", 'd')));
    ck_assert_ptr_nonnull(strstr(info.copy, directory));
    struct stat about;
    ck_assert_int_eq(stat(directory, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0700);
    use_directory(directory);
    ck_assert_int_eq(access(info.copy, R_OK), 0);
    remove_all(directory);
}
END_TEST

START_TEST(a_directory_that_others_may_write_is_refused)
{
    ck_assert_int_eq(chmod(scratch, 0777), 0);
    use_directory(scratch);
    FAILS_WITH(DEALFSM_E_IO, "others may write here",
               dealfsm_host_load(host, copy_with_tail("b.so", 'w'), &module, &error));
    use_directory(scratch_file("b.so"));
    FAILS_WITH(DEALFSM_E_IO, "expected a directory for private copies",
               dealfsm_host_load(host, scratch_file("b.so"), &module, &error));
    use_directory("/nowhere/at/all");
    FAILS_WITH(DEALFSM_E_IO, "No such file or directory",
               dealfsm_host_load(host, scratch_file("b.so"), &module, &error));
}
END_TEST

/* Mounts a file system on the scratch directory, for this test's process alone; false: we may not. */
static bool mount_on_scratch(unsigned long flags, const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", scratch, "tmpfs", flags, options) == 0;
}

START_TEST(a_noexec_directory_has_its_own_message)
{
    if (!mount_on_scratch(MS_NOEXEC, "mode=0700"))
        return;
    const char *path = copy_with_tail("n.so", 'n');
    use_directory(scratch);
    FAILS_WITH(DEALFSM_E_IO, "is mounted noexec", dealfsm_host_load(host, path, &module, &error));
    /* As $XDG_RUNTIME_DIR it is passed over. */
    setenv("XDG_RUNTIME_DIR", scratch, 1);
    use_directory(NULL);
    ck_assert_int_eq(strncmp(info_of(load(host, path)).copy, "/tmp/dealfsm-", 13), 0);
    ck_assert_int_eq(umount2(scratch, MNT_DETACH), 0);
}
END_TEST

START_TEST(a_full_disk_has_its_own_message)
{
    if (!mount_on_scratch(0, "mode=0700,size=8k"))
        return;
    use_directory(scratch);
    FAILS_WITH(DEALFSM_E_IO, "no space for a private copy",
               dealfsm_host_load(host, MODULE("stand_in"), &module, &error));
    ck_assert_int_eq(files_in(scratch), 0);
    ck_assert_int_eq(mount("tmpfs", scratch, "tmpfs", MS_REMOUNT, "size=1m"), 0);
    load(host, MODULE("stand_in"));
    ck_assert_int_eq(umount2(scratch, MNT_DETACH), 0);
}
END_TEST

START_TEST(the_runtime_directory_is_preferred_and_left_clean)
{
    setenv("XDG_RUNTIME_DIR", scratch, 1);
    dealfsm_module_info info = info_of(load(host, copy_with_tail("x.so", 'x')));
    ck_assert_int_eq(strncmp(info.copy, scratch, strlen(scratch)), 0);
    WORKS(dealfsm_host_free(host, &error));
    char *slash = strrchr(info.copy, '/');
    char directory[128];
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - info.copy), info.copy);
    ck_assert_int_ne(access(directory, F_OK), 0);
    host = new_host();
}
END_TEST

START_TEST(a_copy_that_cannot_be_written_is_said_and_removed)
{
    const char *path = copy_with_tail("full.so", 'f');
    struct rlimit small = {4096, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    use_directory(scratch);
    ck_assert_int_eq(chmod(scratch, 0700), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    FAILS_WITH(DEALFSM_E_IO, "a private copy of the module cannot be written: File too large",
               dealfsm_host_load(host, path, &module, &error));
    small.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(files_in(scratch), 1);
    load(host, path);
}
END_TEST

START_TEST(arguments_are_checked)
{
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_load(NULL, "x", &module, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_load(host, NULL, &module, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_load(host, "x", NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_manifest(NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "module is NULL", dealfsm_host_module_info(NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "out is NULL",
               dealfsm_host_module_info(load(host, MODULE("stand_in")), NULL, &error));
    ck_assert_int_eq(dealfsm_host_load(host, "/nowhere", &module, NULL), DEALFSM_E_IO);
    dealfsm_error first = {.struct_size = sizeof first, .code = DEALFSM_E_LOST};
    ck_assert_int_eq(dealfsm_host_load(host, "/nowhere", &module, &first), DEALFSM_E_IO);
    ck_assert_int_eq(first.code, DEALFSM_E_LOST); /* the first error wins */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host: load");
    TCase *tcase = tcase_create("load");
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_module_is_loaded_and_tells_of_itself);
    tcase_add_test(tcase, an_older_caller_gets_what_he_knows);
    tcase_add_test(tcase, the_same_content_is_mapped_once);
    tcase_add_test(tcase, a_file_overwritten_in_place_does_no_harm);
    tcase_add_test(tcase, a_file_replaced_by_rename_is_another_module);
    tcase_add_test(tcase, eight_threads_load);
    tcase_add_loop_test(tcase, refusals_have_their_own_words, 0, REFUSED);
    tcase_add_test(tcase, a_refused_module_is_mapped_once);
    tcase_add_test(tcase, an_unreadable_file_is_refused);
    tcase_add_test(tcase, a_fifo_does_not_keep_us_waiting);
    tcase_add_test(tcase, another_cpu_is_named);
    tcase_add_test(tcase, an_object_file_is_refused);
    tcase_add_test(tcase, cut_off_files_are_refused_at_every_length);
    tcase_add_test(tcase, the_manifest_is_read_without_loading);
    tcase_add_loop_test(tcase, damaged_manifests_are_refused, 0, sizeof damages / sizeof damages[0]);
    tcase_add_test(tcase, a_chosen_directory_is_made_and_keeps_the_copies);
    tcase_add_test(tcase, a_directory_that_others_may_write_is_refused);
    tcase_add_test(tcase, a_noexec_directory_has_its_own_message);
    tcase_add_test(tcase, a_full_disk_has_its_own_message);
    tcase_add_test(tcase, the_runtime_directory_is_preferred_and_left_clean);
    tcase_add_test(tcase, a_copy_that_cannot_be_written_is_said_and_removed);
    tcase_add_test(tcase, arguments_are_checked);
    return run_suite(suite);
}
