/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Needs something that no library has. */
extern int that_nobody_has;
int *stand_in_needs(void);
int *stand_in_needs(void)
{
    return &that_nobody_has;
}
#include "stand_in.h"
