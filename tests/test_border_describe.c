/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* describe/1, whole, as text, against the committed text describe-client-0.5.6.txt. Both are to be read by people: a changed
 * machine shows as changed lines. `DEALFSM_SHOW=1 test_border_describe` prints the text. */
#include <stdarg.h>

#include "border_kit.h"

enum { TEXT_MAX = 1 << 16 };
static char text[TEXT_MAX];
static size_t used;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    used += (size_t)vsnprintf(text + used, sizeof text - used, format, list);
    va_end(list);
    MUST(used < sizeof text);
}

static const char *const kinds[] = {"none",   "amount",  "text", "error", "u64",  "cid", "address",
                                    "status", "channel", "flag", "bytes", "peer", "cbor"};

static const char *state_name(const dealfsm_describe_v1 *d, uint32_t status)
{
    dealfsm_state_info info = {.struct_size = sizeof info};
    MUST(d->state(status, &info) == DEALFSM_OK);
    MUST(info.status == status);
    return info.identifier;
}

static const char *event_name(const dealfsm_describe_v1 *d, uint32_t event)
{
    dealfsm_event_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; d->event(i, &info) == DEALFSM_OK; i++)
        if (info.event == event)
            return info.name;
    ck_abort_msg("no event %u", event);
}

static const char *op_name(const dealfsm_describe_v1 *d, uint32_t op)
{
    dealfsm_op_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; d->op(i, &info) == DEALFSM_OK; i++)
        if (info.op == op)
            return info.name;
    ck_abort_msg("no op %u", op);
}

static void say_states(const dealfsm_describe_v1 *d)
{
    dealfsm_state_info info = {.struct_size = sizeof info};
    say("\nstates\n");
    for (uint32_t i = 0; d->state(i, &info) == DEALFSM_OK; i++) {
        bool renamed = strcmp(info.identifier, info.name) != 0;
        say("  %2u %s%s%s%s%s%s%s%s\n", (unsigned)info.status, info.identifier, renamed ? ", printed " : "",
            renamed ? info.name : "", info.is_initial ? ", initial" : "", info.is_final ? ", final" : "",
            info.has_transition ? "" : ", no transition", info.handler[0] ? ": runs " : "", info.handler);
    }
}

static void say_clauses(const dealfsm_describe_v1 *d, uint32_t event)
{
    static const char *const froms[] = {"?", "From", "FromMany", "FromAny"};
    static const char *const tos[] = {"?", "To", "ToNoChange", "ToJustRecord"};
    dealfsm_clause_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; d->clause(i, &info) == DEALFSM_OK; i++) {
        if (info.event != event)
            continue;
        say("       %s", froms[info.from]);
        for (uint32_t s = 0; s < info.states_count; s++)
            say(" %s", state_name(d, info.states[s]));
        say(" %s%s%s\n", tos[info.to], info.to == DEALFSM_TO ? " " : "",
            info.to == DEALFSM_TO ? state_name(d, info.target) : "");
    }
}

static void say_events(const dealfsm_describe_v1 *d)
{
    static const char *const outsides[] = {"", " from outside", " from outside in its time"};
    dealfsm_event_info info = {.struct_size = sizeof info};
    say("\nevents\n");
    for (uint32_t i = 0; d->event(i, &info) == DEALFSM_OK; i++) {
        say("  %2u %s(", (unsigned)info.event, info.name);
        for (uint32_t a = 0; a < info.args_count; a++)
            say("%s%s %s", a > 0 ? ", " : "", kinds[info.args[a]], info.names[a]);
        say(")%s%s%s\n", outsides[info.from_outside], info.from_handler ? " from handlers" : "",
            info.has_transition ? "" : " no transition");
        say_clauses(d, info.event);
    }
}

static void say_handlers(const dealfsm_describe_v1 *d)
{
    dealfsm_handler_info info = {.struct_size = sizeof info};
    say("\nhandlers\n");
    for (uint32_t i = 0; d->handler(i, &info) == DEALFSM_OK; i++) {
        say("  %s\n       asks", info.name);
        for (uint32_t o = 0; o < info.ops_count; o++)
            say(" %s", op_name(d, info.ops[o]));
        say("%s\n       raises", info.ops_count > 0 ? "" : " nothing");
        for (uint32_t e = 0; e < info.raises_count; e++)
            say(" %s", event_name(d, info.raises[e]));
        say("\n");
    }
}

static void say_values(const uint32_t *list, const char *const *names, uint32_t count, uint32_t optional)
{
    for (uint32_t i = 0; i < count; i++)
        say("%s%s%s %s", i > 0 ? ", " : "", kinds[list[i]], optional >> i & 1 ? " or none" : "", names[i]);
}

static void say_ops(const dealfsm_describe_v1 *d)
{
    static const char *const classes[] = {"?", "pure", "repeat-safe", "once"};
    dealfsm_op_info info = {.struct_size = sizeof info};
    say("\nops\n");
    for (uint32_t i = 0; d->op(i, &info) == DEALFSM_OK; i++) {
        say("  %2u %s: %s, at %u\n       (", (unsigned)info.op, info.name, classes[info.op_class],
            (unsigned)info.environment_offset);
        say_values(info.args, info.args_names, info.args_count, info.args_optional);
        say(") -> (");
        say_values(info.values, info.values_names, info.values_count, info.values_optional);
        say(")\n");
    }
}

static void say_fields(const dealfsm_describe_v1 *d)
{
    dealfsm_field_info info = {.struct_size = sizeof info};
    say("\nfields\n");
    for (uint32_t i = 0; d->field(i, &info) == DEALFSM_OK; i++)
        say("  %s (%s): %s%s%s%s, at %u, %u bytes, presence at %u\n", info.name, info.stored, kinds[info.kind],
            info.optional ? " or none" : "", info.unit[0] ? ", " : "", info.unit, (unsigned)info.offset,
            (unsigned)info.width, (unsigned)info.presence);
}

static void say_errors(const dealfsm_describe_v1 *d)
{
    dealfsm_error_info info = {.struct_size = sizeof info};
    say("\nerrors\n");
    for (uint32_t i = 0; d->error(i, &info) == DEALFSM_OK; i++)
        say("  %3d %s: %s\n", (int)info.code, info.name, info.text);
}

static const char *rendering(void)
{
    const dealfsm_describe_v1 *d = kit_module()->interface("describe/1");
    MUST(d != NULL);
    used = 0;
    say("%s\n", d->machine_version);
    say_states(d);
    say_events(d);
    say_handlers(d);
    say_ops(d);
    say_fields(d);
    say_errors(d);
    return text;
}

/* Number of the first line in which two texts differ; 0: none. */
static uint32_t differing_line(const char *a, const char *b)
{
    uint32_t line = 1;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    return *a == *b ? 0 : line;
}

START_TEST(describe_as_committed)
{
    static char committed[TEXT_MAX];
    const char *path = TEST_SOURCE_DIR "/tests/describe-client-0.5.6.txt";
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    size_t size = fread(committed, 1, sizeof committed - 1, file);
    fclose(file);
    committed[size] = 0;
    uint32_t line = differing_line(committed, rendering());
    ck_assert_msg(line == 0, "%s differs from what the module says in line %" PRIu32 "; DEALFSM_SHOW=1 shows that",
                  path, line);
}
END_TEST

/* Each list ends where it ends, and a bad out is refused. */
START_TEST(describe_ends)
{
    const dealfsm_describe_v1 *d = kit_module()->interface("describe/1");
    dealfsm_state_info state = {.struct_size = sizeof state};
    dealfsm_clause_info clause = {.struct_size = sizeof clause};
    ck_assert_int_eq(d->state(20, &state), DEALFSM_OK);
    ck_assert_int_eq(d->state(21, &state), DEALFSM_E_NOT_FOUND);
    ck_assert_int_eq(d->state(UINT32_MAX, &state), DEALFSM_E_NOT_FOUND);
    ck_assert_int_eq(d->clause(34, &clause), DEALFSM_OK);
    ck_assert_int_eq(d->clause(35, &clause), DEALFSM_E_NOT_FOUND);
    ck_assert_int_eq(d->clause(UINT32_MAX, &clause), DEALFSM_E_NOT_FOUND);
    ck_assert_int_eq(d->state(0, NULL), DEALFSM_E_ARGUMENT);
    state.struct_size = 0;
    ck_assert_int_eq(d->state(0, &state), DEALFSM_E_ARGUMENT);
    ck_assert(kit_module()->interface("describe/2") == NULL);
    ck_assert(kit_module()->interface(NULL) == NULL);
}
END_TEST

int main(void)
{
    if (getenv("DEALFSM_SHOW")) {
        fputs(rendering(), stdout);
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("border: describe");
    TCase *tests = tcase_create("describe");
    tcase_add_test(tests, describe_as_committed);
    tcase_add_test(tests, describe_ends);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
