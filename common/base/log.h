/*
 * log: one line per event on standard error, for a person and for grep.
 *
 *   2026-03-16T10:05:00.123Z warn broker: delivery refused stream=E09000007 first=12: text
 *
 * Identifiers yes, contents and personal data never. A trailing x leaves errno out.
 * Warn: look this week; error: look today. errno survives every call.
 * A line is written with one write(2); failures to log are ignored.
 */
#ifndef WAYPOST_BASE_LOG_H
#define WAYPOST_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NOTHING };

/* Name of the program in each line (lent, kept), and the lowest level that is written. */
void log_init(const char *program, enum log_level lowest);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_errorx(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A promise can no longer be kept: log and exit at once with status 70, without handlers. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fatalx(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
