/*
 * check: assertions that are always compiled in, for our own bugs only.
 *
 * Never for anything that a peer, a file or an operator can cause (STYLE: errors).
 */
#ifndef WAYPOST_BASE_CHECK_H
#define WAYPOST_BASE_CHECK_H

#ifdef NDEBUG
#error "assertions are part of the product: build without NDEBUG"
#endif
#include <assert.h>

#endif
