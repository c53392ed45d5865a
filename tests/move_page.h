/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MOVE_PAGE_H
#define MOVE_PAGE_H

/* The table of statuses of the page of migrations: for each step the new status, or a no. Rows that depend on PaymentInfo have
 * both; what the page says of fields (free deals) is in the columns C→B without PaymentInfo, too. */

#include <stdint.h>

enum { PAGE_STAYS = -1, PAGE_REFUSED = -2 };
enum { PAGE_A_TO_B, PAGE_B_TO_C, PAGE_C_TO_B, PAGE_B_TO_A, PAGE_STEPS };

typedef struct page_cell {
    int with; /* PaymentInfo set */
    int none;
} page_cell;

typedef struct page_row {
    uint64_t status;
    page_cell steps[PAGE_STEPS];
} page_row;

#define X(status) {status, status} /* whether PaymentInfo is set or not */
#define S PAGE_STAYS
#define R PAGE_REFUSED
static const page_row page[] = {
    {0, {X(0), X(0), X(0), X(0)}},
    {3, {X(28), X(3), X(3), X(R)}},
    {28, {X(R), X(28), X(28), X(3)}},
    {4, {{R, 4}, {30, 4}, X(4), {5, 4}}},
    {5, {{4, R}, X(5), {5, R}, X(R)}},
    {30, {X(R), X(R), {4, R}, X(R)}},
    {6, {X(6), X(6), X(6), X(6)}},
    {24, {X(R), X(24), X(24), X(S)}},
    {10, {X(10), X(10), {10, R}, X(10)}}, /* C→B without PaymentInfo: a free deal */
    {11, {X(11), X(11), {11, R}, X(11)}},
    {12, {X(12), X(12), {12, R}, X(12)}},
    {13, {X(13), X(13), {13, R}, X(13)}},
    {14, {X(14), X(14), {14, R}, X(14)}},
    {18, {X(18), X(18), {18, R}, X(18)}},
    {19, {X(19), X(19), X(19), X(19)}},
    {8, {X(8), X(8), X(8), X(8)}},
    {25, {X(R), X(25), X(25), X(S)}},
    {27, {X(R), X(27), X(27), X(S)}},
    {21, {X(R), X(21), X(21), X(S)}},
    {22, {X(R), X(22), {22, R}, X(S)}},
    {23, {X(R), X(23), {23, R}, X(R)}},
    {29, {X(R), X(R), X(R), X(R)}},
    {31, {X(R), X(R), X(S), X(R)}},
    {32, {X(R), X(R), X(S), X(R)}},
    {33, {X(R), X(R), X(S), X(R)}},
    {34, {X(R), X(R), X(S), X(R)}},
    {9, {X(9), X(9), X(9), X(9)}},
    {15, {X(15), X(15), X(15), X(15)}},
    {16, {X(16), X(16), X(16), X(16)}},
    {17, {X(17), X(17), X(17), X(17)}},
    {26, {X(R), X(26), X(26), X(R)}},
    {1, {X(R), X(R), X(R), X(R)}},
    {2, {X(R), X(R), X(R), X(R)}},
    {7, {X(R), X(R), X(R), X(R)}},
    {20, {X(R), X(R), X(R), X(R)}},
    {35, {X(R), X(R), X(R), X(R)}},
    {255, {X(R), X(R), X(R), X(R)}},
    {256 + 13, {X(R), X(R), X(R), X(R)}},
    {UINT64_MAX, {X(R), X(R), X(R), X(R)}},
};
#undef X
#undef S
#undef R

#endif
