/*
 * wrap: running text in lines of a width, and the width of a text on a terminal. Pure but for the stream written to.
 */
#ifndef WAYPOST_CLI_WRAP_H
#define WAYPOST_CLI_WRAP_H

#include <stdio.h>

/*
 * Print text in lines of at most width columns.
 *   indent   blanks before each line
 *   column   where the first line stands already, where something was printed before it; 0 for a new line
 * Ends with a newline. "\n\n" in the text parts paragraphs; a line that begins with a blank is kept as it is.
 */
void wrap_put(FILE *out, const char *text, unsigned indent, unsigned column, unsigned width);

/* Columns that a UTF-8 text takes: code points, since everything we print takes one each. */
unsigned wrap_columns(const char *text);

#endif
