/*
 * recovery: opening a journal that exists. It starts at the watermark (or, where watermark or tree
 * are of no use, at the first segment), follows whole commits to the end, and decides what the
 * rest is:
 *
 *   torn      bytes behind the last whole commit, with nothing whole after them: a write that was
 *             under way. Nothing of it was ever confirmed. Saved in a file of their own, then cut.
 *   damaged   bytes that a later commit, a later segment or the watermark proves to have been
 *             durable. They stay where they are and are counted; reading them is E_CORRUPT, the
 *             rest serves. The leaves they stood for come from the tree file and must lead to the
 *             next signed root, else nothing is opened.
 *
 * Nothing is ever deleted. Every failure is returned with a complaint.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    CREATION_BYTES_MAX = 16384, /* a torn first write of a new journal is no longer than this */
    COPY_STEP_BYTES = 1048576,
};

/* Leaves that a watermark may name: more than there can be, and safe to count with. */
#define LEAVES_MAX (UINT64_C(1) << (TREE_LEVELS - 1))

struct found {
    journal_t *self;
    struct complaint *why;
    struct segment_list list;
    bool identified;                /* self->journal and self->epoch are known */
    struct mark mark;               /* counter 0 for none */
    struct merkle_frontier settled; /* after the last whole commit */
    uint64_t end;                   /* behind it, 0 before the first */
    uint64_t commit;                /* position of its commit record */
    struct journal_head head;
    bool headed;                 /* head is that commit's; else it must be signed again */
    bool scanned;                /* a commit was found beyond the start */
    struct merkle_frontier open; /* with the leaves since */
    struct buf nodes;            /* node hashes of the leaves since */
    uint64_t start;              /* position where the open commit begins */
    bool damaged;                /* something in the open commit could not be read */
    uint64_t quarantined;
};

/* ---- who this journal is ---- */

static int check_identity(struct found *found, const struct segment_header *header)
{
    journal_t *self = found->self;

    if (strcmp(header->network, self->network) != 0) {
        return complain(found->why, E_NETWORK,
            "the journal belongs to network %s, not %s; give the directory of this network's "
            "journal",
            header->network, self->network);
    }
    if (memcmp(header->head_public, self->options.head_public, sizeof header->head_public) != 0) {
        return complain(found->why, E_KEY,
            "the journal's heads are signed by another key than this broker's; start it with the "
            "key file that it "
            "was begun with");
    }
    memcpy(self->journal, header->journal, sizeof self->journal);
    self->epoch = header->epoch;
    found->identified = true;
    return 0;
}

/* From the newest header that can be read. None is no error yet. */
static int identify(struct found *found)
{
    struct segment_header header;

    for (size_t i = found->list.count; i-- > 0;) {
        int rc = segment_header_read(found->self->disk, found->list.at[i], &header);
        if (rc == 0) {
            return check_identity(found, &header);
        }
        if (rc == E_VERSION) {
            return complain(found->why, rc,
                "segment %u was written by a newer Waypost; start the version that wrote it",
                (unsigned)found->list.at[i]);
        }
        if (rc == E_IO || rc == E_PERMISSION) {
            return complain(found->why, rc, "segment %u cannot be read: %s",
                (unsigned)found->list.at[i], err_text(rc));
        }
    }
    return 0;
}

/* ---- where to start ---- */

/* The head in the commit record at the watermark. 0, or E_CORRUPT where it cannot be used. */
static int mark_head(struct found *found, struct journal_head *out)
{
    const struct mark *mark = &found->mark;
    struct scanner scanner;
    struct record record;
    struct commit_body body;
    char network[33];
    size_t length;

    int rc = scanner_open(
        &scanner, found->self->disk, position_segment(mark->commit), position_offset(mark->commit));
    if (rc != 0) {
        return E_CORRUPT;
    }
    rc = scanner_peek(&scanner, &record, &length);
    if (rc == 0) {
        rc = commit_head(&record, &body, network, out);
    }
    if (rc == 0 &&
        (mark->commit + length != mark->position || out->size != mark->leaves ||
            memcmp(&out->root, &mark->root, sizeof out->root) != 0 ||
            strcmp(network, found->self->network) != 0 ||
            head_check(out, found->self->options.head_public) != 0)) {
        rc = E_CORRUPT;
    }
    scanner_close(&scanner);
    return rc == 0 ? 0 : E_CORRUPT;
}

static bool segment_exists(const struct found *found, uint32_t segment)
{
    for (size_t i = 0; i < found->list.count; i++) {
        if (found->list.at[i] == segment) {
            return true;
        }
    }
    return false;
}

/* Does the file still hold what the watermark says was on disk? Its end at least. */
static bool segment_reaches(const struct found *found, uint64_t position)
{
    const struct disk *disk = found->self->disk;
    char name[FILE_NAME_BYTES];
    uint64_t size = 0;
    int file;

    segment_name(position_segment(position), name);
    if (disk->open(disk->context, name, false, &file) != 0) {
        return false;
    }
    int rc = disk->size(disk->context, file, &size);
    disk->close(disk->context, file);
    return rc == 0 && size >= position_offset(position);
}

/* Start at the watermark: its commit's head and the tree's nodes must agree with it. */
static bool start_at_mark(struct found *found, bool tree_usable)
{
    const struct mark *mark = &found->mark;
    journal_t *self = found->self;
    struct hash root;

    if (mark->counter == 0 || !tree_usable || mark->leaves == 0 || mark->leaves > LEAVES_MAX ||
        !segment_exists(found, position_segment(mark->position)) ||
        tree_file_frontier(self->disk, self->tree_file, mark->leaves, &found->settled) != 0) {
        return false;
    }
    root = frontier_root(&found->settled);
    if (memcmp(&root, &mark->root, sizeof root) != 0) {
        return false;
    }
    found->quarantined += segment_reaches(found, mark->position) ? 0 : 1;
    found->end = mark->position;
    found->commit = mark->commit;
    return true;
}

static void start_at_first(struct found *found)
{
    found->settled.size = 0;
    found->end = 0;
    found->headed = false;
}

/* Know who this is and where to start; opens the tree. */
static int choose_start(struct found *found)
{
    journal_t *self = found->self;
    bool tree_usable = false;

    if (found->mark.counter != 0 && mark_head(found, &found->head) == 0) {
        found->headed = true;
        memcpy(self->journal, found->head.journal, sizeof self->journal);
        self->epoch = found->head.epoch;
        found->identified = true;
    }
    if (!found->identified) {
        return 0;
    }
    int rc = tree_file_open(self->disk, self->journal, &self->tree_file, &tree_usable);
    if (rc != 0) {
        return complain(found->why, rc, "tree.wpt cannot be opened: %s", err_text(rc));
    }
    if (start_at_mark(found, tree_usable)) {
        found->quarantined += found->headed ? 0 : 1;
    } else {
        start_at_first(found);
    }
    return 0;
}

/* ---- following commits ---- */

/* Leaves that cannot be read are taken from the tree; the next root says whether they are right. */
static int adopt_leaves(struct found *found, uint64_t upto)
{
    const journal_t *self = found->self;
    struct hash leaf;
    int rc = 0;

    if (!found->damaged || upto > LEAVES_MAX) {
        return E_CORRUPT;
    }
    while (rc == 0 && found->open.size < upto) {
        rc = tree_file_node(self->disk, self->tree_file, 0, found->open.size, &leaf);
        if (rc == 0) {
            tree_add(&found->open, &leaf, &found->nodes);
            found->quarantined++;
        }
    }
    return rc;
}

static int take_leaf(struct found *found, const struct record *record)
{
    if (record->sequence < found->open.size) {
        return E_CORRUPT;
    }
    if (record->sequence > found->open.size) {
        int rc = adopt_leaves(found, record->sequence);
        if (rc != 0) {
            return rc;
        }
    }
    struct epoch_body epoch;
    if (record->type == RECORD_EPOCH && epoch_body_read(record->body, &epoch) == 0) {
        found->self->epoch = epoch.epoch;
    }
    struct hash leaf = record_leaf(found->self->network, record);
    tree_add(&found->open, &leaf, &found->nodes);
    return 0;
}

/* The leaves so far lead to this root: they are the journal's. Their nodes go to the tree. */
static int settle_open(struct found *found, const struct hash *root)
{
    const journal_t *self = found->self;
    struct hash mine = frontier_root(&found->open);

    if (memcmp(&mine, root, sizeof mine) != 0) {
        return E_CORRUPT;
    }
    int rc =
        tree_file_write(self->disk, self->tree_file, found->settled.size, buf_slice(&found->nodes));
    if (rc == 0) {
        found->settled = found->open;
        found->damaged = false;
        buf_clear(&found->nodes);
    }
    return rc;
}

static int take_commit(
    struct found *found, const struct record *record, uint64_t position, size_t length)
{
    struct journal_head head;
    struct commit_body body;
    char network[33];

    if (commit_head(record, &body, network, &head) != 0 ||
        strcmp(network, found->self->network) != 0 ||
        memcmp(head.journal, found->self->journal, sizeof head.journal) != 0 ||
        (!found->damaged && body.start != found->start)) {
        return E_CORRUPT;
    }
    if (head.size > found->open.size) {
        int rc = adopt_leaves(found, head.size);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = head.size == found->open.size ? settle_open(found, &head.root) : E_CORRUPT;
    if (rc == 0) {
        found->head = head;
        found->headed = found->scanned = true;
        found->commit = position;
        found->end = found->start = position + length;
    }
    return rc;
}

static int take_record(
    struct found *found, const struct record *record, uint64_t position, size_t length)
{
    return record->type == RECORD_COMMIT ? take_commit(found, record, position, length)
                                         : take_leaf(found, record);
}

/* Is it certain that the segment went on behind `offset` once? */
static int was_durable(const struct found *found, struct scanner *scanner, uint64_t offset,
    bool later_segment, bool *durable)
{
    uint64_t position = position_of(scanner->segment, offset);

    *durable = later_segment || position < found->mark.position;
    return *durable ? 0 : scanner_commit_follows(scanner, offset, found->settled.size, durable);
}

/*
 * No record at scanner->at that follows from what came before: pass over damage to the next record
 * that does, or find that nothing follows. Returns 0 to go on, E_END where this segment has no
 * more, E_IO.
 */
static int pass_over(struct found *found, struct scanner *scanner, bool later_segment)
{
    uint64_t offset = scanner->at;
    uint64_t used_end;
    bool durable;

    int rc = was_durable(found, scanner, offset, later_segment, &durable);
    if (rc == 0) {
        rc = scanner_used_end(scanner, offset, &used_end);
    }
    if (rc != 0 || !durable || used_end == offset) {
        return rc != 0 ? rc : E_END;
    }
    found->damaged = true;
    scanner->at = scanner->keep = offset;
    rc = scanner_resync(scanner, found->open.size, false);
    return rc;
}

static int scan_segment(struct found *found, uint32_t segment, uint64_t offset, bool later_segment)
{
    struct scanner scanner;
    struct record record;
    size_t length;

    int rc = scanner_open(&scanner, found->self->disk, segment, offset);
    while (rc == 0) {
        scanner.keep = scanner.at;
        rc = scanner_peek(&scanner, &record, &length);
        if (rc == 0) {
            rc = take_record(found, &record, position_of(segment, scanner.at), length);
        }
        if (rc == 0) {
            scanner.at += length;
        } else if (rc == E_END || rc == E_CORRUPT) {
            bool before = found->damaged;
            rc = pass_over(found, &scanner, later_segment);
            found->quarantined += found->damaged && !before ? 1 : 0;
        }
    }
    scanner_close(&scanner);
    return rc == E_END ? 0 : rc;
}

static int corrupt(struct found *found, uint32_t segment)
{
    return complain(found->why, E_CORRUPT,
        "the journal cannot be proven from leaf %llu on, in segment %u: damage that neither its "
        "tree nor its heads make "
        "good; run waypost verify, then restore a backup",
        (unsigned long long)found->settled.size, (unsigned)segment);
}

/* What a segment's header says of the leaves before it must be what we found, or can take from the
 * tree. */
static int join_header(struct found *found, const struct segment_header *header)
{
    struct hash root = frontier_root(&header->frontier);
    int rc = 0;

    if (header->frontier.size < found->settled.size) {
        return E_CORRUPT;
    }
    if (header->frontier.size > found->open.size) {
        found->damaged = true;
        rc = adopt_leaves(found, header->frontier.size);
    }
    if (rc == 0 && header->frontier.size > found->settled.size) {
        rc = header->frontier.size == found->open.size ? settle_open(found, &root) : E_CORRUPT;
    }
    return rc;
}

/* Enter a segment behind the one where the scan started. 0, E_END where it was not begun,
 * E_CORRUPT, E_IO. */
static int enter_segment(struct found *found, size_t i)
{
    struct segment_header header;
    uint32_t segment = found->list.at[i];

    int rc = segment_header_read(found->self->disk, segment, &header);
    if (rc == E_END || rc == E_CORRUPT) {
        bool begun = position_segment(found->mark.position) >= segment ||
            segment_begun_from(found->self->disk, &found->list, i + 1);
        if (!begun) {
            return E_END; /* at most a torn first write */
        }
        found->quarantined++;
        rc = 0;
    } else if (rc == 0) {
        rc = join_header(found, &header);
    }
    found->start = position_of(segment, SEGMENT_HEADER_BYTES);
    return rc;
}

static int follow_commits(struct found *found)
{
    uint32_t first = found->end == 0 ? 1 : position_segment(found->end);
    uint32_t expected = first;
    int rc = 0;

    found->open = found->settled;
    found->start = found->end;
    for (size_t i = 0; rc == 0 && i < found->list.count; i++) {
        uint32_t segment = found->list.at[i];
        uint64_t offset = SEGMENT_HEADER_BYTES;
        if (segment < first) {
            continue;
        }
        if (segment != expected++) {
            return segment_begun_from(found->self->disk, &found->list, i) ? corrupt(found, segment)
                                                                          : 0;
        }
        if (segment == first && found->end != 0) {
            offset = position_offset(found->end);
        } else {
            rc = enter_segment(found, i);
        }
        if (rc == 0) {
            rc = scan_segment(
                found, segment, offset, segment_begun_from(found->self->disk, &found->list, i + 1));
        }
        if (rc == E_CORRUPT) {
            return corrupt(found, segment);
        }
    }
    if (found->damaged &&
        (rc == 0 || rc == E_END)) { /* what follows was durable and cannot be proven */
        return corrupt(found, expected - 1);
    }
    return rc == E_END ? 0 : rc;
}

/* ---- what is left over ---- */

/* Copy [from, to) of a segment into a file of its own, durably. */
static int copy_aside(struct scanner *scanner, uint64_t from, uint64_t to, int file)
{
    const struct disk *disk = scanner->disk;
    struct slice bytes;
    int rc = 0;

    scanner->at = scanner->keep = from;
    while (rc == 0 && scanner->at < to) {
        rc = scanner_bytes(scanner, COPY_STEP_BYTES, &bytes);
        if (rc == 0) {
            uint64_t left = to - scanner->at;
            bytes.len = bytes.len < left ? bytes.len : (size_t)left;
            rc = bytes.len == 0 ? E_IO
                                : disk->write_at(disk->context, file, bytes, scanner->at - from);
            scanner->at += bytes.len;
            scanner->keep = scanner->at;
        }
    }
    if (rc == 0) {
        rc = disk->sync_data(disk->context, file);
    }
    return rc == 0 ? disk->sync_dir(disk->context) : rc;
}

/* A name that no file has yet. */
static int torn_name(const struct disk *disk, uint32_t segment, uint64_t offset, char *name)
{
    enum { NAMES_MAX = 1000 };
    int file;
    int rc = 0;

    for (unsigned i = 1; rc == 0 && i <= NAMES_MAX; i++) {
        (void)snprintf(name, FILE_NAME_BYTES, "torn-%010u-%010llu-%u.bin", (unsigned)segment,
            (unsigned long long)offset, i);
        rc = disk->open(disk->context, name, false, &file);
        if (rc == 0) {
            disk->close(disk->context, file);
        }
    }
    return rc == E_NOT_FOUND ? 0 : E_EXISTS;
}

/* Save and cut what a segment holds from `from` on, if anything. */
static int cut_segment(
    struct found *found, uint32_t segment, uint64_t from, struct journal_recovery *recovery)
{
    const struct disk *disk = found->self->disk;
    char name[FILE_NAME_BYTES];
    struct scanner scanner;
    uint64_t used_end;
    int file;

    int rc = scanner_open(&scanner, disk, segment, from);
    if (rc != 0) {
        return rc == E_NOT_FOUND ? 0 : rc;
    }
    rc = scanner_used_end(&scanner, from, &used_end);
    if (rc == 0 && used_end > from) {
        rc = torn_name(disk, segment, from, name);
        if (rc == 0) {
            rc = disk->open(disk->context, name, true, &file);
        }
        if (rc == 0) {
            rc = copy_aside(&scanner, from, used_end, file);
            disk->close(disk->context, file);
        }
        if (rc == 0) {
            rc = disk->truncate(disk->context, scanner.file, from);
        }
        if (rc == 0) {
            rc = disk->sync_data(disk->context, scanner.file);
        }
        if (rc == 0) {
            recovery->torn_bytes += used_end - from;
            (void)snprintf(recovery->torn_file, sizeof recovery->torn_file, "%s", name);
        }
    }
    scanner_close(&scanner);
    return rc;
}

static int cut_tail(struct found *found, struct journal_recovery *recovery)
{
    uint32_t last = found->end == 0 ? 0 : position_segment(found->end);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < found->list.count; i++) {
        uint32_t segment = found->list.at[i];
        if (segment >= last) {
            rc = cut_segment(
                found, segment, segment == last ? position_offset(found->end) : 0, recovery);
        }
    }
    return rc == 0
        ? 0
        : complain(found->why, rc,
              "a torn tail cannot be saved aside: %s; make room or repair the disk", err_text(rc));
}

/* Is there nothing but what the very first write of a journal could have left? */
static int never_begun(const struct found *found, bool *never)
{
    struct scanner scanner;
    uint64_t used_end;
    uint64_t used = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < found->list.count; i++) {
        rc = scanner_open(&scanner, found->self->disk, found->list.at[i], 0);
        if (rc == 0) {
            rc = scanner_used_end(&scanner, 0, &used_end);
            scanner_close(&scanner);
        }
        used += rc == 0 ? used_end : 0;
    }
    *never =
        rc == 0 && found->mark.counter == 0 && found->list.at[0] == 1 && used <= CREATION_BYTES_MAX;
    return rc;
}

/* Not one whole commit: either the very first write was torn, and *fresh is set, or everything is
 * lost. */
static int nothing_whole(struct found *found, struct journal_recovery *recovery, bool *fresh)
{
    journal_t *self = found->self;
    bool never;

    int rc = never_begun(found, &never);
    if (rc != 0) {
        return complain(found->why, rc, "the journal cannot be read: %s", err_text(rc));
    }
    if (!never) {
        return complain(found->why, E_CORRUPT,
            "the directory holds segments of a journal but not one commit that can be proven; run "
            "waypost verify, then "
            "restore a backup");
    }
    found->end = 0;
    rc = cut_tail(found, recovery);
    if (self->tree_file >= 0) {
        self->disk->close(self->disk->context, self->tree_file);
        self->tree_file = -1;
    }
    *fresh = rc == 0;
    return rc;
}

/* ---- the end ---- */

static int check_head(struct found *found)
{
    journal_t *self = found->self;
    struct journal_head *head = &found->head;

    if (found->mark.counter != 0 && found->settled.size < found->mark.leaves) {
        return corrupt(found, position_segment(found->mark.position));
    }
    if (found->scanned && head->size == found->settled.size) {
        return head_check(head, self->options.head_public) == 0
            ? 0
            : complain(found->why, E_CORRUPT,
                  "the newest head, of %llu leaves, carries no good signature; run waypost verify, "
                  "then restore a backup",
                  (unsigned long long)head->size);
    }
    if (found->headed && head->size == found->settled.size) {
        return 0; /* the watermark's, checked when it was read */
    }
    *head = (struct journal_head){.size = found->settled.size, .epoch = self->epoch};
    head->root = frontier_root(&found->settled);
    head->time_ms = self->options.world->wall_ms(self->options.world->context);
    memcpy(head->journal, self->journal, sizeof head->journal);
    head_encode(self->network, head);
    sign_make(SIGN_CONTEXT_HEAD, slice_of(head->statement, head->statement_len),
        self->options.head_secret, head->signature);
    return 0;
}

static int take_over(struct found *found)
{
    journal_t *self = found->self;

    self->owner.next_sequence = found->settled.size;
    self->owner.next_position = self->owner.settled_end = found->end;
    self->owner.head = found->head;
    self->writer.frontier = found->settled;
    self->writer.mark = found->mark;
    tree_store_init(&self->owner.tree, self->disk, self->tree_file, &found->settled);
    int rc = writer_begin(self, found->end, found->commit);
    return rc == 0 ? 0
                   : complain(found->why, rc, "the journal cannot be written: %s", err_text(rc));
}

static int find(struct found *found, struct journal_recovery *recovery, bool *fresh)
{
    int rc = identify(found);

    if (rc == 0) {
        rc = choose_start(found);
    }
    if (rc == 0 && found->identified) {
        rc = follow_commits(found);
    }
    if (rc != 0) {
        return found->why->rc != 0
            ? rc
            : complain(found->why, rc, "the journal cannot be read: %s", err_text(rc));
    }
    if (found->end == 0) {
        return nothing_whole(found, recovery, fresh);
    }
    rc = check_head(found);
    if (rc == 0) {
        rc = cut_tail(found, recovery);
    }
    return rc == 0 ? take_over(found) : rc;
}

int recovery_run(
    journal_t *self, struct journal_recovery *recovery, bool *fresh, struct complaint *why)
{
    struct found found = {.self = self, .why = why};

    why->rc = 0;
    *fresh = false;
    int rc = segment_list_read(self->disk, &found.list);
    if (rc == 0) {
        rc = mark_read(self->disk, &found.mark);
        rc = rc == E_NOT_FOUND ? 0 : rc;
    }
    if (rc != 0) {
        rc = complain(why, rc, "the journal's directory cannot be read: %s", err_text(rc));
    } else if (found.list.count > 0) {
        rc = find(&found, recovery, fresh);
    } else if (found.mark.counter != 0) {
        rc = complain(why, E_CORRUPT,
            "the watermark names %llu durable leaves but there is no segment; restore a backup",
            (unsigned long long)found.mark.leaves);
    } else {
        *fresh = true;
    }
    recovery->size = found.settled.size;
    recovery->quarantined = found.quarantined;
    buf_free(&found.nodes);
    free(found.list.at);
    return rc;
}
