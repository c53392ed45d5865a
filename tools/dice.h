/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DICE_H
#define TOOLS_DICE_H

/* Pseudo-random numbers, the same everywhere for the same seed: splitmix64 (Steele, Lea, Flood: Fast splittable
 * pseudorandom number generators). Each deal has dice of its own, so that the order of deals does not matter. */

#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

static inline uint64_t dice_roll(dice *d)
{
    uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Dice for one purpose of one deal. */
static inline dice dice_of(uint64_t seed, uint64_t deal, uint64_t purpose)
{
    dice first = {seed};
    dice second = {dice_roll(&first) ^ deal};
    dice third = {dice_roll(&second) ^ purpose};
    return (dice){dice_roll(&third)};
}

/* A number from min to max, both included. What modulo favours is below 2^-20 of the whole for all quantities of a scenario. */
static inline uint64_t dice_between(dice *d, uint64_t min, uint64_t max)
{
    uint64_t span = max - min + 1;
    uint64_t roll = dice_roll(d);
    return span == 0 ? roll : min + roll % span;
}

/* Does something happen that has a share of `millionths`? One roll, whatever the share. */
static inline bool dice_chance(dice *d, uint64_t millionths)
{
    return dice_roll(d) % 1000000 < millionths;
}

/* A number from min to max, both included, as finely as 64 bits allow. */
static inline void dice_between_mpz(dice *d, mpz_t out, const mpz_t min, const mpz_t max)
{
    uint64_t roll = dice_roll(d);
    mpz_t factor;
    mpz_init(factor);
    mpz_import(factor, 1, -1, sizeof roll, 0, 0, &roll);
    mpz_sub(out, max, min);
    mpz_add_ui(out, out, 1);
    mpz_mul(out, out, factor);
    mpz_fdiv_q_2exp(out, out, 64);
    mpz_add(out, out, min);
    mpz_clear(factor);
}

#endif
