/*
 * err: every code that Waypost answers with, one table for number, name and sentence.
 *
 * A function returns 0 or one of these, negative. On the wire, in exit reports and in docs/PROTOCOL.md
 * the same code stands as its positive number; numbers are never changed or used again.
 * The sentence says what is wrong; whoever answers adds where, and what to do.
 */
#ifndef WAYPOST_BASE_ERR_H
#define WAYPOST_BASE_ERR_H

/* X(name, number, sentence) */
#define ERR_TABLE(X)                                                                               \
    X(E_MALFORMED, 1, "the bytes are not a well-formed message")                                   \
    X(E_RANGE, 2, "a value lies outside its limits")                                               \
    X(E_TOO_LARGE, 3, "the message or file is larger than its limit")                              \
    X(E_VERSION, 4, "no version is spoken by both sides")                                          \
    X(E_NETWORK, 5, "the other side belongs to another network")                                   \
    X(E_PRINCIPAL, 6, "the agent is not in the register")                                          \
    X(E_KEY, 7, "the key is not in the register, or not valid at this time")                       \
    X(E_REVOKED, 8, "the key or agent has been revoked")                                           \
    X(E_SIGNATURE, 9, "the signature does not verify")                                             \
    X(E_SENDER, 10, "the sender named is not the one whose key speaks")                            \
    X(E_GAP, 11, "a sequence number was skipped")                                                  \
    X(E_CONFLICT, 12, "this sequence number is already taken by another event")                    \
    X(E_DUPLICATE, 13, "this was accepted before")                                                 \
    X(E_STALE_REGISTER, 14, "the register used is too old")                                        \
    X(E_BUSY, 15, "not now; try again later")                                                      \
    X(E_CREDIT, 16, "more was sent than the credit allows")                                        \
    X(E_NOT_ALLOWED, 17, "the register grants no right to do this")                                \
    X(E_MODE, 18, "only live events are taken on a live network (R53)")                            \
    X(E_KIND, 19, "the kind of event is not known")                                                \
    X(E_FACT, 20, "the fact is not known")                                                         \
    X(E_FACT_MISSING, 21, "a required fact is missing")                                            \
    X(E_FACT_VALUE, 22, "the value is not one that this fact can have")                            \
    X(E_FACT_NOT_LISTED, 23, "this kind does not carry that fact")                                 \
    X(E_UTF8, 24, "the text is not valid UTF-8 or holds a NUL")                                    \
    X(E_DATE, 25, "the date or time cannot be")                                                    \
    X(E_CODE, 26, "the authority code is malformed or not in the register")                        \
    X(E_ID, 27, "the identifier is malformed, or not higher than the last one")                    \
    X(E_RECIPIENT, 28, "the list of recipients cannot be served")                                  \
    X(E_SESSION, 29, "the message needs an open session")                                          \
    X(E_STATE, 30, "this cannot be done in the present state")                                     \
    X(E_IO, 31, "reading or writing failed")                                                       \
    X(E_CORRUPT, 32, "stored bytes do not match their checksum, hash or signature")                \
    X(E_NOT_FOUND, 33, "there is no such thing here")                                              \
    X(E_EXISTS, 34, "it exists already")                                                           \
    X(E_LOCKED, 35, "another process is using it")                                                 \
    X(E_FULL, 36, "there is no room left")                                                         \
    X(E_OPEN, 37, "the sealed part cannot be opened with the keys at hand")                        \
    X(E_TIMEOUT, 38, "no answer came in time")                                                     \
    X(E_UNREACHABLE, 39, "the other side cannot be reached")                                       \
    X(E_CONFIG, 40, "the configuration is not usable")                                             \
    X(E_USAGE, 41, "the command line is not usable")                                               \
    X(E_ROLLBACK, 42, "the other side has forgotten what it once confirmed")                       \
    X(E_FORK, 43, "two histories of the same journal differ")                                      \
    X(E_CLOCK, 44, "the clock is not trustworthy")                                                 \
    X(E_PERMISSION, 45, "the file's owner or mode is not safe")                                    \
    X(E_SUPERSEDED, 46, "a newer session of the same agent has taken over")                        \
    X(E_IDENTIFIER, 47,                                                                            \
        "the text looks like a person's identifier and may stand in the sealed part only")         \
    X(E_END, 48, "there is nothing more")

enum err {
#define ERR_ENUM(name, number, sentence) name = -(number),
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* The code's name, "E_GAP"; "OK" for 0, "E_UNKNOWN" for a number that is not in the table. Lent, static. */
const char *err_name(int rc);

/* The code's sentence, without a full stop. Lent, static. */
const char *err_text(int rc);

/*
 * What was wrong with an input, where, and what to do, for one reader. Filled by parsers and
 * validators; never holds payload contents.
 */
struct complaint {
    int rc;         /* the code, 0 while there is nothing to complain about */
    char text[320]; /* one sentence, UTF-8, without a newline */
};

/* Fill in a complaint, text cut to fit, "?" for what is no UTF-8 or a control character (quoted
 * from an input); returns rc, so
 * that a caller can `return complain(...)`. */
int complain(struct complaint *out, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
