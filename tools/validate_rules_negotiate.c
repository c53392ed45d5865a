/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on the exported function, the manifest and the interfaces. */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "validate.h"

static int32_t negotiate(validator *v, uint32_t minor_min, uint32_t minor_max, const dealfsm_functions **functions,
                         dealfsm_error *error)
{
    const dealfsm_offer offer = {.struct_size = sizeof offer, .minor_min = minor_min, .minor_max = minor_max};
    *functions = NULL;
    *error = (dealfsm_error){.struct_size = sizeof *error};
    return v->negotiate(&offer, functions, error);
}

static void in_range(validator *v)
{
    static const uint32_t ranges[][2] = {{0, 0}, {0, 1}, {0, 7}, {0, UINT32_MAX}};
    const dealfsm_functions *functions;
    dealfsm_error error;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        CASE(v, "minors %u to %u", ranges[i][0], ranges[i][1]);
        const int32_t result = negotiate(v, ranges[i][0], ranges[i][1], &functions, &error);
        if (same_result(v, "the exported function", DEALFSM_OK, result, &error)) {
            expect(v, functions != NULL && functions->abi_minor <= ranges[i][1], "a table with a minor in that range",
                   "another");
            expect(v, error.code == 0, "the error struct left alone", "a code in it");
        }
    }
    CASE(v, "twice the same");
    const dealfsm_functions *again;
    negotiate(v, 0, 0, &functions, &error);
    negotiate(v, 0, 0, &again, &error);
    expect(v, functions == again, "the same table", "another one");
}

static void too_high(validator *v)
{
    const dealfsm_functions *functions;
    dealfsm_error error;
    CASE(v, "minors 4000000000 to 4000000001");
    const int32_t result = negotiate(v, 4000000000u, 4000000001u, &functions, &error);
    same_result(v, "the exported function", DEALFSM_E_ABI, result, NULL);
    expect(v, functions == NULL, "no table", "one");
    expect(v,
           strstr(error.text, "4000000000") != NULL && strstr(error.text, "4000000001") != NULL &&
               error.code == DEALFSM_E_ABI,
           "an error text that names both ranges", error.text);
    CASE(v, "minors 3 to 2");
    const int32_t upside_down = negotiate(v, 3, 2, &functions, &error);
    expect(v, upside_down == DEALFSM_E_ABI || upside_down == DEALFSM_E_ARGUMENT, "an empty range to be refused",
           result_text(v, upside_down));
}

static void bad_arguments(validator *v)
{
    const dealfsm_functions *functions = NULL;
    const dealfsm_offer offer = {.struct_size = sizeof offer};
    dealfsm_error error = {.struct_size = sizeof error};
    CASE(v, "no offer");
    same_result(v, "the exported function", DEALFSM_E_ARGUMENT, v->negotiate(NULL, &functions, &error), NULL);
    CASE(v, "nowhere to put the table");
    same_result(v, "the exported function", DEALFSM_E_ARGUMENT, v->negotiate(&offer, NULL, NULL), NULL);
    CASE(v, "no error struct");
    same_result(v, "the exported function", DEALFSM_OK, v->negotiate(&offer, &functions, NULL), NULL);
}

static void sizes(validator *v)
{
    struct {
        dealfsm_offer offer;
        uint32_t tail[4];
    } longer = {.offer = {.struct_size = sizeof longer}};
    const dealfsm_functions *functions = NULL;
    CASE(v, "an offer of a later host, its tail zero");
    same_result(v, "the exported function", DEALFSM_OK, v->negotiate(&longer.offer, &functions, NULL), NULL);
    CASE(v, "an offer of a later host, its tail not zero");
    longer.tail[2] = 1;
    same_result(v, "the exported function", DEALFSM_E_TOO_NEW, v->negotiate(&longer.offer, &functions, NULL), NULL);
    CASE(v, "an offer of struct_size 0");
    longer.offer.struct_size = 0;
    const int32_t result = v->negotiate(&longer.offer, &functions, NULL);
    expect(v, result < 0, "a refusal", result_text(v, result));
}

/* Every text of an error fits what the caller says he has. */
static void error_sizes(validator *v)
{
    const dealfsm_functions *functions;
    const uint32_t shortened[] = {8, offsetof(dealfsm_error, text), offsetof(dealfsm_error, text) + 10};
    for (size_t i = 0; i < sizeof shortened / sizeof *shortened; i++) {
        struct {
            dealfsm_error error;
            char guard[16];
        } place;
        memset(&place, '#', sizeof place);
        place.error.struct_size = shortened[i];
        place.error.code = 0;
        const dealfsm_offer offer = {.struct_size = sizeof offer, .minor_min = 4000000000u, .minor_max = 4000000001u};
        CASE(v, "an error struct of %u bytes", shortened[i]);
        same_result(v, "the exported function", DEALFSM_E_ABI, v->negotiate(&offer, &functions, &place.error), NULL);
        const char *bytes = (const char *)&place;
        for (size_t at = shortened[i]; at < sizeof place; at++) {
            expect(v, bytes[at] == '#', "nothing written past the caller's size", "a changed byte");
        }
        expect(v, place.error.code == DEALFSM_E_ABI, "the code in it", "another");
    }
    CASE(v, "an error struct with an error in it");
    dealfsm_error first = {.struct_size = sizeof first, .code = DEALFSM_E_BUSY, .text = "first"};
    const dealfsm_offer offer = {.struct_size = sizeof offer, .minor_min = 4000000000u, .minor_max = 4000000001u};
    v->negotiate(&offer, &functions, &first);
    expect(v, first.code == DEALFSM_E_BUSY && strcmp(first.text, "first") == 0, "the first error to win", first.text);
}

static void manifest(validator *v)
{
    const char *text = v->functions->manifest;
    CASE(v, "manifest of the function table");
    if (!expect(v, text != NULL, "a text", "null")) {
        return;
    }
    expect(v, strstr(text, format(v->arena, "machine: %s\n", v->machine.machine_version)) != NULL,
           format(v->arena, "line machine: %s, as describe/1 says", v->machine.machine_version), text);
    expect(v, strncmp(text, "name: ", 6) == 0 || strstr(text, "\nname: ") != NULL, "a line name: …", text);
    expect(v, strstr(text, "abi: 1.") != NULL, "a line abi: 1.…", text);
    CASE(v, "interfaces");
    expect(v, v->functions->interface("describe/1") == v->describe, "the same describe/1 each time", "another");
    expect(v, v->functions->interface("record/1") == v->record, "the same record/1 each time", "another");
    expect(v, v->functions->interface("describe/4000") == NULL, "NULL for an unknown interface", "something");
    expect(v, v->functions->interface("") == NULL, "NULL for an empty id", "something");
    expect(v, v->functions->interface(NULL) == NULL, "NULL for no id", "something");
}

static const rule list[] = {
    {"negotiate.in-range", "a range that holds a known minor gives the function table", in_range},
    {"negotiate.minor-too-high", "a range without a known minor is refused, both ranges named", too_high},
    {"negotiate.arguments", "null arguments are refused", bad_arguments},
    {"negotiate.sizes", "offers of other sizes: zero tail taken, other tail too new", sizes},
    {"negotiate.error-struct", "nothing is written past the caller's error struct; the first error wins", error_sizes},
    {"negotiate.manifest", "manifest and interfaces agree with each other", manifest},
};
const rule_group rules_negotiate = {list, sizeof list / sizeof *list};
