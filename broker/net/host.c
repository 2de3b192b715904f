/* host: see host.h. Failures are returned with a complaint. */
#include "broker/net/host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <pthread.h>
#include <czmq.h>
#include <sodium.h>
#include <zmq.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

extern char **environ;

void host_clear_environment(void)
{
    enum { NAME_BYTES_MAX = 128 };

    for (char **entry = environ; *entry != NULL;) {
        char name[NAME_BYTES_MAX];
        size_t len = strcspn(*entry, "=");
        if (strncmp(*entry, "ZSYS_", 5) != 0 || len >= sizeof name) {
            entry++;
            continue;
        }
        memcpy(name, *entry, len);
        name[len] = '\0';
        (void)unsetenv(name); /* moves the rest up: look at the same place again */
    }
}

int host_take_signals(int *fd_out)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        (void)sigaddset(&set, taken[i]);
    }
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) {
        return E_IO;
    }
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return E_IO;
    }
    zsys_handler_set(NULL); /* or czmq would put its own in their place */
    *fd_out = fd;
    return 0;
}

int host_check_libraries(struct complaint *why)
{
    int major;
    int minor;
    int patch;

    zmq_version(&major, &minor, &patch);
    if (major != 4 || minor < 3 || (minor == 3 && patch < 4)) {
        return complain(
            why, E_STATE, "libzmq is %d.%d.%d; install 4.3.4 or a newer 4.x", major, minor, patch);
    }
    if (zmq_has("curve") != 1) {
        return complain(why, E_STATE, "libzmq was built without CURVE; install one with libsodium");
    }
    if (sodium_init() < 0) {
        return complain(why, E_STATE, "libsodium cannot start: no randomness from the system");
    }
    return 0;
}

int host_raise_files(uint64_t wanted, struct complaint *why)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return complain(why, E_IO, "the limit of open files cannot be read: %s", strerror(errno));
    }
    if (limit.rlim_cur >= wanted) {
        return 0;
    }
    bool enough = limit.rlim_max >= wanted;
    limit.rlim_cur = enough ? (rlim_t)wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return complain(why, E_IO, "the limit of open files cannot be set: %s", strerror(errno));
    }
    return enough ? 0
                  : complain(why, E_FULL,
                        "connections-max needs %llu open files, the hard limit is %llu; raise it "
                        "(LimitNOFILE=) or lower connections-max",
                        (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
}

int host_check_overwrites(const char *dir, struct complaint *why)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } copying[] = {
        {UINT32_C(0x9123683e), "btrfs"},
        {UINT32_C(0x2fc12fc1), "ZFS"},
        {UINT32_C(0xca451a4e), "bcachefs"},
    };
    struct statfs info;

    if (statfs(dir, &info) != 0) {
        return complain(why, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", dir, strerror(errno));
    }
    for (size_t i = 0; i < sizeof copying / sizeof copying[0]; i++) {
        if ((uint32_t)info.f_type == copying[i].magic) {
            return complain(why, E_STATE,
                "%s lies on %s, which keeps old copies of erased payloads; use another file "
                "system, or set allow-copy-on-write = yes",
                dir, copying[i].name);
        }
    }
    return 0;
}

int host_check_writable(const char *dir, struct complaint *why)
{
    if (access(dir, R_OK | W_OK | X_OK) == 0) {
        return 0;
    }
    return complain(why, errno == ENOENT ? E_NOT_FOUND : E_PERMISSION,
        "%s cannot be used (%s); make the folder and give it to the user that runs the broker", dir,
        strerror(errno));
}
