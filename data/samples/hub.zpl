# Configuration of waypost-hub (ZPL): `name = value`, four blanks a level, # begins a comment.
# What stands behind a # is the default. Relative paths count from this file's folder.

# Folder of the database. It is made where it is missing, with mode 0700. One program uses it at
# a time. Takes a path of 1 to 1024 bytes; must be set.
data = /var/lib/waypost-hub

# File of the agent's secret keys, mode 0600, made by waypost keygen. Two during a rotation: the
# newest that the register holds is used, both open what was sealed to them. Takes 1 to 2 files
# with blanks between them; must be set.
keys = /etc/waypost/hub.keys

# Join file of the network: its name, the root keys that sign the register, where the broker is
# and its key. Takes a path of 1 to 1024 bytes; must be set.
join = /etc/waypost/network.join

# File of a signed register to begin with, before the broker was ever reached. An older one than
# the agent holds is passed over. Takes a path of 1 to 1024 bytes; may be left out.
#register =

# Unix socket for waypost, libwaypost and case systems, mode 0660. Takes a path of 1 to 100
# bytes; default /run/waypost/agent.sock.
socket = /run/waypost-hub/hub.sock

# Group that the socket is given to: its members may use the agent. Takes a text of 1 to 32
# bytes; may be left out.
#socket-group =

# Where the broker is, tcp://HOST:PORT or ipc://PATH, tried in turn; instead of those in the
# join file. Takes 0 to 8 endpoints with blanks between them; may be left out.
#endpoints =

# File that is written when the socket answers, and removed when the agent stops. Takes a path
# of 1 to 1024 bytes; may be left out.
#ready-file =

# Where the web page is served, ADDRESS:PORT in numbers, on this machine alone: 127.0.0.1:8460.
# Port * takes a free one. waypost hub link prints the address that logs a browser in. Off where
# nothing is said. Takes a text of 1 to 64 bytes; may be left out.
page = 127.0.0.1:8460

# How long a browser stays logged in without asking for anything. Takes a time from 1 min to 7 d
# (ms, s, min, h or d); default 12 h.
#page-session = 12 h

# Counts from 1 to below this are not shown, on any screen and in anything exported; 1 shows
# all. Takes a whole number from 1 to 100; default 5.
#small-counts = 5

# Over how many days, today included, notices, acceptances and the like are counted. Takes a
# whole number from 1 to 366 days; default 28.
#flow-days = 28

# Silence after which an authority that owes something counts as quiet. Takes a time from 1 h to
# 366 d (ms, s, min, h or d); default 7 d.
#quiet-after = 7 d

# How long an authority's agent may be away from the broker before it counts as not listening.
# Takes a time from 1 s to 30 d (ms, s, min, h or d); default 15 min.
#not-listening-after = 15 min

# Folder that holds procedures, profiles and register tables, for clocks, whois and timelines;
# those of the installation where nothing is said, none to do without. Takes a text of 1 to 1024
# bytes; may be left out.
#procedures =

# How many entries the broker may have on their way to this agent. Takes a whole number from 1
# to 4096 entries; default 1024.
#credit-events = 1024

# How many bytes of them. Takes a size from 1 MiB to 64 MiB; default 4 MiB.
#credit-bytes = 4 MiB

# ADDRESS:PORT where /metrics (for Prometheus) and /healthz are served over HTTP, such as
# 127.0.0.1:9102; port * for one that the system chooses. Off where it is not given. Nobody is
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
