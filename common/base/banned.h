/*
 * Functions that have hurt others, turned into compile errors. Included last in every .c file.
 *
 * Use snprintf with its length checked, bytes.h, text_parse_u64(), civil.h instead.
 */
#ifndef WAYPOST_BASE_BANNED_H
#define WAYPOST_BASE_BANNED_H

#undef alloca  /* a macro of the C library, which cannot be poisoned as one */
#undef sprintf /* likewise where clang builds with _FORTIFY_SOURCE */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll
#pragma GCC poison gets gmtime localtime ctime asctime mktemp tmpnam alloca rand srand

#endif
