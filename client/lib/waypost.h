/*
 * libwaypost: speak to the Waypost agent of your authority from a program of your own.
 *
 * The agent (waypost-agent) holds the keys, the outbox and the inbox; this library asks it over its Unix socket.
 * Nothing here reaches the network, reads a key or writes a file, and nothing is logged.
 *
 *   wp_agent_t *agent = wp_agent_new(NULL);
 *   char id[WP_ID_BYTES];
 *   struct wp_fact facts[] = {{"case_type", "cp"}, {"permanence", "permanent"}};
 *   struct wp_message message = {
 *       .kind = "move_notified", .transfer = transfer, .facts = facts, .fact_count = 2};
 *   if (wp_send(agent, &message, id) != 0) {
 *       fprintf(stderr, "%s\n", wp_error_text(agent));
 *   }
 *   wp_agent_destroy(&agent);
 *
 * Three ways to receive, from the simplest: a receiver command of the agent (on-delivery = PROGRAM, which needs no
 * library at all); wp_inbox_next() now and then; wp_watch(), which gives every entry as it becomes durable and
 * starts again where you left off.
 *
 * Results: 0, or one of enum wp_result (negative); what is written through a pointer is written on success only.
 * Every text is UTF-8. Times are RFC 3339 UTC ("2026-03-16T10:05:00.000Z"), dates YYYY-MM-DD, ids UUID text, authority
 * codes nine characters. What wp_ functions return as char * is yours: give it back with wp_free(). Out of memory
 * ends the program. A wp_agent_t belongs to one thread at a time; several may be used side by side.
 *
 * Link with `pkg-config --cflags --libs waypost`.
 */
#ifndef WAYPOST_H
#define WAYPOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The results that a program may want to tell apart; docs/PROTOCOL.md, section 6 has them all. */
enum wp_result {
    WP_OK = 0,
    WP_MALFORMED = -1, /* the agent did not understand the request, or we its answer */
    WP_TOO_LARGE =
        -3, /* the request is larger than 1 MiB; send documents as digest and reference */
    WP_NOT_ALLOWED = -17,  /* the register grants this agent no right to do it */
    WP_KIND = -19,         /* the kind is not known; the text names the nearest one */
    WP_FACT = -20,         /* the fact is not known; the text names the nearest one */
    WP_FACT_MISSING = -21, /* a required fact is missing; the text names it */
    WP_FACT_VALUE = -22,   /* a value that this fact cannot have */
    WP_CODE = -26,         /* no such authority */
    WP_STATE = -30,        /* cannot be done in the present state */
    WP_NOT_FOUND = -33,    /* no such event or transfer at this agent */
    WP_TIMEOUT = -38,      /* no answer in time; a request may have been carried out all the same */
    WP_UNREACHABLE = -39,  /* no agent listens on the socket, or it went away */
    WP_END = -48,          /* nothing more */
};

enum {
    WP_ID_BYTES = 37,     /* UUID text with its terminator */
    WP_CODE_BYTES = 10,   /* authority code with its terminator */
    WP_TIME_BYTES = 25,   /* "2026-03-16T10:05:00.000Z" with its terminator */
    WP_WORD_BYTES = 64,   /* name of a kind, role, state or verdict with its terminator */
    WP_TITLE_BYTES = 128, /* title of a kind with its terminator */
};

typedef struct wp_agent wp_agent_t;

/*
 * A handle for the agent behind a socket. Reaches nothing yet: the first call connects, and one after a lost
 * connection connects again.
 *   socket_path   NULL for $WAYPOST_SOCKET, or /run/waypost/agent.sock
 */
wp_agent_t *wp_agent_new(const char *socket_path);
void wp_agent_destroy(wp_agent_t **self_p);

/* How long a call waits for its answer, milliseconds; 30,000 unless set. 0 waits for ever. */
void wp_timeout(wp_agent_t *self, int timeout_ms);

/* One sentence about the last call that failed: what, where, what to do. "" before the first. Lent until the next. */
const char *wp_error_text(const wp_agent_t *self);

/* Name of a result, "E_FACT". Static. */
const char *wp_result_name(int result);

void wp_free(char *text);

/*
 * Any request of docs/LOCAL-API.md, as JSON text: {"op": "status"}.
 *   answer   the whole answer as JSON text, yours; may be NULL
 * Returns 0 where the answer says "ok"; else its code, with its sentence in wp_error_text().
 */
int wp_call(wp_agent_t *self, const char *request, char **answer);

/* ---- transfers and sending ---- */

/* A child in a new transfer. */
struct wp_subject {
    const char *name;      /* a label for your own use: it never leaves the agent */
    const char *case_type; /* cp, cin, looked_after, ... as the kinds know them */
};

/*
 * Begin a transfer: draw its random id and a random reference for each child.
 *   label      a name for your own use that later calls take for the id; NULL for none
 *   transfer   WP_ID_BYTES bytes
 */
int wp_new_transfer(wp_agent_t *self, const char *origin, const char *receiving,
    const struct wp_subject *subjects, size_t subject_count, const char *label, char *transfer);

/* One fact by name and text as `waypost send KIND --help` lists them; a list is written a,b,c. */
struct wp_fact {
    const char *name;
    const char *value;
};

/* A document that only the recipients can read. */
struct wp_file {
    const char *name;  /* file name without a slash, at most 128 bytes */
    const void *bytes; /* lent */
    size_t len;        /* together with the sealed facts at most 512 KiB */
};

/* What is to be said. Everything is lent for the call. Zero-initialise; kind and transfer are needed. */
struct wp_message {
    const char *kind;      /* move_notified, ... */
    const char *transfer;  /* id or label */
    const char *const *to; /* authority codes; none: the other party of the transfer */
    size_t to_count;
    const struct wp_fact *facts; /* readable by the broker and hubs: pseudonymous, checked */
    size_t fact_count;
    const struct wp_fact *sealed; /* readable by the recipients alone */
    size_t sealed_count;
    const struct wp_file *files; /* sealed as well */
    size_t file_count;
    const char *const *subjects; /* names or references; none: every child of the transfer */
    size_t subject_count;
    const char *ref;        /* event that this one answers, NULL for none */
    const char *supersedes; /* event that this one replaces, NULL for none */
    const char *occurred;   /* when it happened, NULL for now */
};

/*
 * Hand an event to the agent. 0 means that it is on the agent's disk and will be delivered, whether or not
 * the broker can be reached now; follow it with wp_receipts().
 *   event   WP_ID_BYTES bytes: its id
 * WP_TIMEOUT and WP_UNREACHABLE leave open whether the agent took it: look into the outbox before sending again.
 */
int wp_send(wp_agent_t *self, const struct wp_message *message, char *event);

/* How far an event has come with one recipient. */
struct wp_receipt {
    char code[WP_CODE_BYTES]; /* the recipient */
    int level; /* 0 accepted by the broker, 1 on the recipient's disk, 2 opened by a person,
                                 3 could not be used there; -1 on its way */
    char at[WP_TIME_BYTES];   /* when, "" where it is on its way */
    char role[WP_WORD_BYTES]; /* level 2: role of the person, else "" */
    char team[WP_WORD_BYTES]; /* level 2: team, where one was named, else "" */
};

/* The receipts of an event of ours: at most max of them into out, and how many there are into count. */
int wp_receipts(
    wp_agent_t *self, const char *event, struct wp_receipt *out, size_t max, size_t *count);

/* ---- receiving ---- */

/* An event in the inbox. */
struct wp_item {
    char event[WP_ID_BYTES];
    uint64_t number; /* its place in the stream of this agent: rises, never used twice */
    char kind[WP_WORD_BYTES];
    char title[WP_TITLE_BYTES]; /* the kind in words */
    char from[WP_CODE_BYTES];   /* who says it: proven by signature */
    char transfer[WP_ID_BYTES];
    char sent[WP_TIME_BYTES];
    char accepted[WP_TIME_BYTES];  /* by the broker */
    char persisted[WP_TIME_BYTES]; /* here */
    char opened[WP_TIME_BYTES];    /* by a person, "" while nobody has */
    char verdict[WP_WORD_BYTES];   /* unjudged, effective, alert, refused, held */
    char fault[WP_WORD_BYTES];     /* why it cannot be used, "" where it can */
};

/*
 * The oldest event that nobody has opened, of those with a number above `after` (0 for all).
 * WP_END where there is none. Looks through the unopened part of the inbox: for a feed use wp_watch().
 */
int wp_inbox_next(wp_agent_t *self, uint64_t after, struct wp_item *out);

/*
 * Open an event for a named role: its sealed part is given out, and the sender is told that this role has opened it
 * (level 2). Opening is not accepting: an acceptance is an event of its own.
 *   role      social_worker, team_manager, ... as `waypost open --help` lists them
 *   team      NULL for none
 *   payload   JSON text {"narrative": "...", ..., "attachments": [{"name", "bytes", "base64"}]}, or null where there is
 *             no sealed part; yours; may be NULL
 */
int wp_open(
    wp_agent_t *self, const char *event, const char *role, const char *team, char **payload);

/* Everything the agent knows about an event, as JSON text, yours. */
int wp_show(wp_agent_t *self, const char *event, char **json);

/*
 * Every entry as it becomes durable here, in order, as JSON text {"number", "type", ...}.
 *   region   for a hub: one region's alone; NULL for all
 *   from     first number wanted, so that nothing is missed over a restart of your program; 0 for what comes now
 *   each     called with every entry, lent; returns 0 to go on, anything else to stop
 * Returns what `each` returned, or a result when the agent goes away (connect again from the last number + 1).
 */
int wp_watch(wp_agent_t *self, const char *region, uint64_t from,
    int (*each)(void *context, const char *entry), void *context);

/* The same in steps, for a program with a loop of its own: begin, then next until it is not 0. */
int wp_watch_begin(wp_agent_t *self, const char *region, uint64_t from);

/* The next entry, yours. WP_TIMEOUT where none comes within timeout_ms (0 looks only; negative waits for ever). */
int wp_watch_next(wp_agent_t *self, int timeout_ms, char **entry);

/* The descriptor to poll for reading between two wp_watch_next() that gave WP_TIMEOUT; -1 while not connected. */
int wp_watch_fd(const wp_agent_t *self);

/* ---- looking around ---- */

/* What the broker knows about the agent of an authority. */
struct wp_listening {
    char code[WP_CODE_BYTES];         /* who answers now: the successor of a superseded code */
    int registered;                   /* 1: it has an agent in the register */
    int connected;                    /* 1: that agent has a session now */
    char last_contact[WP_TIME_BYTES]; /* its last sign of life, "" for never */
    uint64_t pending;                 /* events that wait for it */
    uint64_t unopened;                /* events there that nobody has opened */
};

/* Is anyone listening? */
int wp_listening(wp_agent_t *self, const char *code, struct wp_listening *out);

#ifdef __cplusplus
}
#endif

#endif
