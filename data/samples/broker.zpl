# Configuration of waypost-broker (ZPL): `name = value`, four blanks a level, # begins a comment.
# What stands behind a # is the default. Relative paths count from this file's folder.

# Where agents connect, tcp://ADDRESS:PORT or ipc://PATH. A port given as * is chosen by the
# system and told in the log and in ready-file. Takes 1 to 8 endpoints with blanks between them;
# must be set.
listen = tcp://127.0.0.1:5670

# Folder of the journal. It is made where it is missing, with mode 0700. One broker uses it at a
# time. Takes a path of 1 to 1024 bytes; must be set.
data = /var/lib/waypost-broker

# File of the broker's secret keys, mode 0600, made by waypost keygen. Takes a path of 1 to 1024
# bytes; must be set.
keys = /etc/waypost/broker.keys

# File of the signed register. Read at the start and at every SIGHUP. A file that does not
# verify leaves the register in force as it is. Takes a path of 1 to 1024 bytes; must be set.
register = /etc/waypost/register

# Folder of the procedures' data (procedures, profiles, register below it), where not the one
# that was installed with the program; or none, to carry events without judging them. Read at
# the start and at every SIGHUP. Files that cannot be used leave those in force. Takes a path of
# 1 to 1024 bytes; may be left out.
#procedures =

# Join file of the network: its name, the root keys that sign the register, and how many of them
# must. Stands instead of network, roots and threshold. Takes a path of 1 to 1024 bytes; may be
# left out.
join = /etc/waypost/join.zpl

# Name of the network, where no join file is given. Takes a text of 1 to 32 bytes; may be left
# out.
#network =

# Public root keys, 64 hexadecimal digits each, where no join file is given. Takes 1 to 9 root
# keys with blanks between them; may be left out.
#roots =

# How many roots must sign the register, where no join file is given. Takes a whole number from
# 1 to 9 signatures; default 1.
#threshold = 1

# File that is written when agents can connect, one bound endpoint a line, and removed when the
# broker stops. It appears whole or not at all. Takes a path of 1 to 1024 bytes; may be left
# out.
#ready-file =

# How many events an agent may have published and not receipted. Takes a whole number from 1 to
# 4096 events; default 1024.
#credit-events = 1024

# How many bytes an agent may have published and not receipted. With nothing in flight one event
# of any allowed size may go. Takes a size from 64 KiB to 64 MiB; default 4 MiB.
#credit-bytes = 4 MiB

# How much may be accepted and not yet on disk, all agents together. Above it publishers are
# told to wait. Takes a size from 1 MiB to 4 GiB; default 64 MiB.
#inflight = 64 MiB

# How often agents give a sign of life. After three times as long without any an agent counts as
# gone. Takes a time from 1 s to 5 min (ms, s, min, h or d); default 10 s.
#heartbeat = 10 s

# Size of one file of the journal. A file that is full is never written again. Takes a size from
# 1 MiB to 1 GiB; default 64 MiB.
#segment = 64 MiB

# How far the journal grows between snapshots. Smaller starts faster, larger writes less. Takes
# a size from 1 MiB to 64 GiB; default 16 MiB.
#snapshot = 16 MiB

# Free space under data below which only protective kinds are taken. Takes a size from 1 MiB to
# 1 TiB; default 1 GiB.
#free-min = 1 GiB

# Threads that encrypt and move bytes. One serves about 400,000 small messages a second. Takes a
# whole number from 1 to 16 threads; default 2.
#io-threads = 2

# Connections that are expected at most. The limit of open files is raised to fit, and
# handshakes beyond are told to come again. Takes a whole number from 16 to 1000000 connections;
# default 8192.
#connections-max = 8192

# ADDRESS:PORT where /metrics (for Prometheus) and /healthz are served over HTTP, such as
# 127.0.0.1:9101; port * for one that the system chooses. Off where it is not given. Nobody is
# asked who he is: keep it on the loopback, or behind a firewall. Takes a text of 1 to 63 bytes;
# may be left out.
#metrics =

# Program that is run for every alarm, with the alarm as JSON on its standard input; again every
# alarm-repeat until somebody takes it on (waypost own). It has 30 s. An exit status other than
# 0 is tried again. Takes a path of 1 to 1024 bytes; may be left out.
#alarm-command =

# Mail addresses that every alarm is sent to as well. Takes 0 to 8 addresses with blanks between
# them; may be left out.
#alarm-mail =

# Program that mail is handed to, with -t -i and the message on its standard input. Takes a path
# of 1 to 1024 bytes; default /usr/sbin/sendmail.
#sendmail = /usr/sbin/sendmail

# How often an alarm that nobody has taken on is told again. Takes a time from 1 s to 7 d (ms,
# s, min, h or d); default 1 h.
#alarm-repeat = 1 h

# An accepted event that is not on its recipient's disk after this time is an alarm. Takes a
# time from 1 s to 31 d (ms, s, min, h or d); default 4 h.
#alarm-dead = 4 h

# An event that nobody has opened after this time is an alarm. Takes a time from 1 s to 31 d
# (ms, s, min, h or d); default 24 h.
#alarm-unread = 24 h

# A disk that takes longer than this to sync, more than once in ten minutes, is an alarm. Takes
# a time from 1 ms to 1 min (ms, s, min, h or d); default 1 s.
#alarm-sync = 1 s

# An agent that was here and has been away for this time is an alarm. Takes a time from 1 s to
# 31 d (ms, s, min, h or d); default 24 h.
#alarm-silence = 24 h

# Time that a connection has to prove its key before it is closed. Takes a time from 500 ms to
# 30 s (ms, s, min, h or d); default 3 s.
#handshake = 3 s

# Whether data may lie on btrfs, ZFS or bcachefs, which keep old copies of erased bytes. A
# payload then is erased only when those copies are gone as well. Takes yes or no; default no.
#allow-copy-on-write = no
