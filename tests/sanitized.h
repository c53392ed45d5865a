/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SANITIZED_H
#define SANITIZED_H

/* SANITIZED: defined in a build with the address or the thread sanitizer, which have their own malloc, and time. */

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED
#endif

#endif
