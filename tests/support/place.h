/*
 * place: where a test keeps its files: below $TMPDIR, else /tmp. The runner gives each test file a folder of its own and
 * counts what is left in it as a failure. What cannot be made ends the test.
 */
#ifndef WAYPOST_TESTS_PLACE_H
#define WAYPOST_TESTS_PLACE_H

enum { PLACE_BYTES = 128 };

void place_folder(char out[PLACE_BYTES]);     /* a new one, empty */
void place_file(char out[PLACE_BYTES]);       /* likewise */
void place_remove_database(const char *path); /* with what SQLite keeps beside it */

#endif
