/* procedure_files: see procedure_files.h. Faults are returned with the file's path. */
#include "broker/net/procedure_files.h"

#include "common/codec/frame.h"
#include "common/procedure/folder.h"

#include "common/base/banned.h"

enum { FILES_MAX = 128 };

int procedure_files_read(const char *path, struct buf *out, struct complaint *why)
{
    Waypost__ProcedureFiles message = WAYPOST__PROCEDURE_FILES__INIT;
    Waypost__NamedFile files[FILES_MAX];
    Waypost__NamedFile *list[FILES_MAX];
    procedures_folder_t *folder = NULL;
    const char *name;
    struct slice bytes;

    int rc = procedures_folder_read(path, &folder, why);
    if (rc != 0) {
        return rc;
    }
    while (message.n_files < FILES_MAX &&
        procedures_folder_file(folder, message.n_files, &name, &bytes)) {
        Waypost__NamedFile *file = &files[message.n_files];
        waypost__named_file__init(file);
        file->name = (char *)(uintptr_t)name; /* protobuf-c has no const */
        file->bytes = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
        list[message.n_files++] = file;
    }
    message.files = list;
    message_encode(&message.base, out);
    procedures_folder_destroy(&folder);
    return 0;
}
