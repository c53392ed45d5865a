/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_H
#define TOOLS_DUMP_H

/* dealfsm-dump: what its subcommands share. A new subcommand is a file with a dump_command, and a row in dealfsm-dump.c. */

/* Exit status of every subcommand. */
enum {
    DUMP_DONE = 0,
    DUMP_NO = 1,    /* the data say no: no module, no record of a known layout, records that differ */
    DUMP_USAGE = 2, /* the command line is not one */
    DUMP_FAILED = 3 /* a file cannot be read, a module is refused, a program that is needed is missing, the output is not written */
};

typedef struct dump_command {
    const char *name;
    const char *purpose; /* a line of the help */
    /* argv[0] is "dealfsm-dump NAME", for messages; the rest are the words behind it. */
    int (*run)(int argc, char **argv);
} dump_command;

extern const dump_command dump_compare_command;
extern const dump_command dump_deal_command;
extern const dump_command dump_deals_command;
extern const dump_command dump_history_command;
extern const dump_command dump_machine_command;
extern const dump_command dump_migrate_command;
extern const dump_command dump_module_command;
extern const dump_command dump_record_command;
extern const dump_command dump_stats_command;
extern const dump_command dump_verify_command;

#endif
