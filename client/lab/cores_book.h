/* cores_book: the register of a rehearsal among real cores: the shipped tables of authorities and successions. */
#ifndef WAYPOST_LAB_CORES_BOOK_H
#define WAYPOST_LAB_CORES_BOOK_H

#include "client/lab/data_files.h"
#include "client/lab/shelf.h"
#include "client/lab/virtual_network.h"

/* Rows for all of them; texts lie on the shelf, which must live as long as the network. */
void cores_book_add(virtual_network_t *network, const data_files_t *data, shelf_t *shelf);

#endif
