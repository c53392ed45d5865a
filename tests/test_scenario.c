/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Scenarios: the examples are read; each mistake is refused with its place, what was expected and what was found. */

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/scenario.h"
#include "check_kit.h"

#define PEER "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define CLIENT "{\"name\": \"c\", \"wallet\": \"f01\", \"peer\": \"" PEER "\", \"balance\": \"1 FIL\"}"
#define PROVIDER "{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"" PEER "\"}"
#define RETRIEVAL "{\"name\": \"r\", \"size\": \"1 MiB\", \"price_per_byte\": \"2 attoFIL\"}"
#define SCENARIO(more, clients, providers, retrievals)                                                                 \
    "{\"title\": \"t\"" more ", \"clients\": [" clients "], \"providers\": [" providers                                \
    "], \"retrievals\": [" retrievals "]}"

START_TEST(scenario_defaults)
{
    text_why why;
    scenario *s = scenario_parse(SCENARIO("", CLIENT, PROVIDER, RETRIEVAL), "x", &why);
    ck_assert_msg(s != NULL, "%s", why.text);
    ck_assert_uint_eq(s->deals, 100);
    ck_assert_uint_eq(s->chain.block_time, 30000000);
    ck_assert_uint_eq(s->chain.confirmations, 2);
    ck_assert_uint_eq(s->providers[0].habits[HABIT_HONEST], 1);
    ck_assert_uint_eq(s->retrievals[0].size.min, 1 << 20);
    ck_assert_uint_eq(s->retrievals[0].size.max, 1 << 20);
    ck_assert_int_eq(mpz_cmp_ui(s->retrievals[0].price.max, 2), 0);
    ck_assert_uint_eq(s->retrievals[0].sealed, 1000000);
    ck_assert_uint_eq(s->clients[0].tops_up, 0);
    ck_assert_uint_eq(s->clients[0].tops_up_after.min, 600000000);
    ck_assert_uint_eq(s->clients[0].tops_up_after.max, 3600000000);
    scenario_free(s);
}
END_TEST

/* A scenario and the whole message. */
static const char *const WRONGS[][2] = {
    {"{", "x: expected JSON, found at line 1, column 1"},
    {"[]", "x: expected an object, found []"},
    {"{\"title\": \"t\"}", "x: clients: expected an array of objects, found nothing"},
    {SCENARIO(", \"deels\": 3", CLIENT, PROVIDER, RETRIEVAL),
     "x: expected the keys title, about, deals, seed, starts_within, chain, node, clients, providers or retrievals, "
     "found "
     "\"deels\""},
    {SCENARIO(", \"deals\": 0", CLIENT, PROVIDER, RETRIEVAL), "x: deals: expected an integer from 1, found 0"},
    {SCENARIO(", \"deals\": 10000001", CLIENT, PROVIDER, RETRIEVAL), "x: deals: expected at most 10000000, found"},
    {SCENARIO(", \"deals\": \"9\"", CLIENT, PROVIDER, RETRIEVAL), "x: deals: expected an integer from 1, found \"9\""},
    {SCENARIO(", \"deals\": 1, \"deals\": 2", CLIENT, PROVIDER, RETRIEVAL), "x: expected JSON, found at line 1"},
    {SCENARIO(", \"chain\": {\"block_time\": \"0 s\"}", CLIENT, PROVIDER, RETRIEVAL),
     "x: chain: expected a block_time"},
    {SCENARIO(", \"chain\": {\"lost\": \"101 %\"}", CLIENT, PROVIDER, RETRIEVAL),
     "x: chain.lost: expected a share of at most 100 %, found \"101 %\""},
    {SCENARIO(", \"node\": {\"latency\": [\"2 ms\"]}", CLIENT, PROVIDER, RETRIEVAL),
     "x: node.latency: expected a duration such as \"30 s\", or two: [shortest, longest], found [\"2 ms\"]"},
    {SCENARIO(", \"node\": {\"latency\": [\"2 ms\", \"1 ms\"]}", CLIENT, PROVIDER, RETRIEVAL),
     "x: node.latency: expected the smaller value first"},
    {SCENARIO(", \"node\": {\"latency\": \"9999 d\"}", CLIENT, PROVIDER, RETRIEVAL),
     "x: node.latency: expected at most 3650 d, found \"9999 d\""},
    {SCENARIO("", "", PROVIDER, RETRIEVAL), "x: clients: expected an array of at least one object, found an empty one"},
    {SCENARIO("", "7", PROVIDER, RETRIEVAL), "x: clients[0]: expected an object, found 7"},
    {SCENARIO("", CLIENT ", " CLIENT, PROVIDER, RETRIEVAL),
     "x: clients[1].wallet: expected a wallet of its own, found that of clients[0]"},
    {SCENARIO("", "{\"name\": \"c\"}", PROVIDER, RETRIEVAL),
     "x: clients[0].wallet: expected an address, f0… to f4…, found nothing"},
    {SCENARIO("", "{\"name\": \"c\", \"wallet\": \"f01\", \"peer\": \"" PEER "\", \"balance\": \"0\", \"tops_up\": 2}",
              PROVIDER, RETRIEVAL),
     "x: clients[0].tops_up: expected a share such as"},
    {SCENARIO("", CLIENT, "{\"name\": \"p\", \"wallet\": \"f0x\"}", RETRIEVAL),
     "x: providers[0].wallet: expected f0 and an actor number, found \"f0x\""},
    {SCENARIO("", CLIENT, "{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"Qm\"}", RETRIEVAL),
     "x: providers[0].peer: expected a peer id"},
    {SCENARIO("", CLIENT,
              "{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"" PEER "\", \"behaviour\": {\"honest\": 0}}",
              RETRIEVAL),
     "x: providers[0].behaviour: expected a share above 0, found none"},
    {SCENARIO("", CLIENT,
              "{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"" PEER "\", \"behaviour\": {\"kind\": 1}}",
              RETRIEVAL),
     "x: providers[0].behaviour: expected the keys honest, rejects,"},
    {SCENARIO("", CLIENT, PROVIDER, "{\"name\": \"r\", \"size\": \"0\"}"),
     "x: retrievals[0].size: expected a size of at least 1 byte, found 0"},
    {SCENARIO("", CLIENT, PROVIDER, "{\"name\": \"r\", \"size\": \"9\"}"),
     "x: retrievals[0].size: expected a size such as"},
    {SCENARIO("", CLIENT, PROVIDER, "{\"name\": \"r\", \"size\": \"1 MiB\", \"price_per_byte\": 2}"),
     "x: retrievals[0].price_per_byte: expected an amount such as \"20 attoFIL\", or two: [smallest, largest], found "
     "2"},
    {SCENARIO("", CLIENT, PROVIDER,
              "{\"name\": \"r\", \"size\": \"9 GiB\", \"price_per_byte\": \"0\", \"interval\": \"9 bytes\"}"),
     "x: retrievals[0]: expected a size of at most a million chunks"},
    {SCENARIO("", CLIENT, PROVIDER,
              "{\"name\": \"r\", \"size\": \"1 MiB\", \"price_per_byte\": \"0\", \"payload\": \"bafy\"}"),
     "x: retrievals[0].payload: expected"},
};

START_TEST(scenario_refusals)
{
    text_why why = {{0}};
    ck_assert_msg(scenario_parse(WRONGS[_i][0], "x", &why) == NULL, "%s was accepted", WRONGS[_i][0]);
    ck_assert_msg(strncmp(why.text, WRONGS[_i][1], strlen(WRONGS[_i][1])) == 0, "expected: %s\nfound: %s",
                  WRONGS[_i][1], why.text);
    ck_assert_ptr_null(scenario_parse(WRONGS[_i][0], "x", NULL));
}
END_TEST

START_TEST(scenario_missing_file)
{
    text_why why = {{0}};
    ck_assert_ptr_null(scenario_read("/nowhere/at-all.json", &why));
    ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/at-all.json: expected JSON, found"));
}
END_TEST

START_TEST(scenario_examples)
{
    glob_t found;
    ck_assert_int_eq(glob(TEST_SOURCE_DIR "/examples/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        text_why why;
        scenario *s = scenario_read(found.gl_pathv[i], &why);
        ck_assert_msg(s != NULL, "%s", why.text);
        scenario_free(s);
    }
    globfree(&found);
}
END_TEST

/* The description of the format names every habit, and fits 100 columns. */
START_TEST(scenario_described)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    scenario_format(out);
    (void)fclose(out);
    for (int i = 0; i < HABITS; i++) {
        ck_assert_ptr_nonnull(strstr(text, scenario_habit_name((scenario_habit)i)));
    }
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        ck_assert_int_le(strchr(line, '\n') - line, 100);
    }
    free(text);
}
END_TEST

int main(void)
{
    json_object_seed(1);
    Suite *suite = suite_create("scenario");
    TCase *tests = tcase_create("scenario");
    tcase_add_test(tests, scenario_defaults);
    tcase_add_loop_test(tests, scenario_refusals, 0, COUNT(WRONGS));
    tcase_add_test(tests, scenario_missing_file);
    tcase_add_test(tests, scenario_examples);
    tcase_add_test(tests, scenario_described);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
