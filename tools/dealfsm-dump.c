/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-dump: shows modules, machines, stored records and stores. This file finds the subcommand. */

#include <argp.h>
#include <dealfsm/stores.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "output.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
#ifndef PACKAGE_BUGREPORT
#define PACKAGE_BUGREPORT "the project's issue tracker"
#endif
const char *argp_program_version = "dealfsm-dump " PACKAGE_VERSION;
const char *argp_program_bug_address = PACKAGE_BUGREPORT;

static const dump_command *const commands[] = {
    &dump_module_command, &dump_machine_command, &dump_compare_command, &dump_record_command, &dump_migrate_command,
    &dump_deals_command,  &dump_deal_command,    &dump_history_command, &dump_stats_command,  &dump_verify_command};
/* Headings of the help, each before a command. */
static const struct {
    const dump_command *before;
    const char *text;
} headings[] = {{&dump_module_command, "Modules and machines:"},
                {&dump_record_command, "Records; migrate also takes a store:"},
                {&dump_deals_command, "Stores (" DEALFSM_STORE_URLS "):"}};
enum { COMMANDS = sizeof commands / sizeof *commands, PROGRAM_MAX = 64 };

static void help(FILE *out)
{
    fputs("Usage: dealfsm-dump COMMAND …\n"
          "Shows modules, machines, stored records and stores. Nothing is ever changed.\n",
          out);
    for (size_t i = 0, next = 0; i < COMMANDS; i++) {
        if (next < sizeof headings / sizeof *headings && commands[i] == headings[next].before) {
            fprintf(out, "\n%s\n", headings[next++].text);
        }
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->purpose);
    }
    fputs("\ndealfsm-dump COMMAND --help tells the options of one; --version the version.\n"
          "Exit status: 0 done; 1 the data say no (no module, damaged, unknown, they differ); 2 wrong usage;\n"
          "3 a file or store cannot be read, a module is refused, a program that is needed is missing,\n"
          "or standard output cannot be written.\n",
          out);
}

static const dump_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* Letters to add, take away or change from one word to another: as many as spoil it. */
static size_t distance(const char *a, const char *b)
{
    size_t row[PROGRAM_MAX];
    const size_t size = strlen(b);
    for (size_t j = 0; j <= size; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < size; j++) {
            const size_t changed = corner + (a[i] == b[j] ? 0 : 1);
            const size_t added = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            corner = row[j + 1];
            row[j + 1] = changed < added ? changed : added;
        }
    }
    return row[size];
}

static void tell_unknown(const char *word)
{
    enum { NEAR = 2 };
    const char *meant = NULL;
    size_t least = NEAR + 1;
    for (size_t i = 0; i < COMMANDS; i++) {
        const size_t steps = distance(word, commands[i]->name);
        if (steps < least) {
            least = steps;
            meant = commands[i]->name;
        }
    }
    fprintf(stderr, "dealfsm-dump: expected a command, found \"%s\"%s%s%s; dealfsm-dump --help shows all\n", word,
            meant != NULL ? " (did you mean " : "", meant != NULL ? meant : "", meant != NULL ? "?)" : "");
}

static int run(const dump_command *command, int argc, char **argv)
{
    static char program[PROGRAM_MAX];
    snprintf(program, sizeof program, "dealfsm-dump %s", command->name);
    argv[0] = program;
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    const char *word = argc < 2 ? "" : argv[1];
    argp_err_exit_status = DUMP_USAGE;
    output_watch("dealfsm-dump", DUMP_FAILED);
    json_object_seed(1); /* else it asks the system for random bytes */
    if (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "help") == 0) {
        help(stdout);
        return DUMP_DONE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts(argp_program_version);
        return DUMP_DONE;
    }
    const dump_command *command = find(word);
    if (command != NULL) {
        return run(command, argc - 1, argv + 1);
    }
    if (argc >= 2) {
        tell_unknown(word);
    } else {
        help(stderr);
    }
    return DUMP_USAGE;
}
