/* Preloaded into a server: every flush to disk takes longer, as on a cloud block device.
 *
 * SLOWSYNC_US: by so many microseconds. SLOWSYNC_FILE: a file that holds that number, read at each flush, so that it can
 * change while the server runs. SLOWSYNC_COUNT: a file that grows by a byte with each flush.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void)
{
    const char *text = getenv("SLOWSYNC_US"), *from = getenv("SLOWSYNC_FILE"), *count = getenv("SLOWSYNC_COUNT");
    char read_text[32] = "";
    if (from != NULL) {
        int file = open(from, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            ssize_t length = read(file, read_text, sizeof read_text - 1);
            read_text[length > 0 ? length : 0] = 0;
            close(file);
            text = read_text;
        }
    }
    if (count != NULL) {
        int file = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file >= 0) {
            if (write(file, ".", 1) < 0)
                abort();
            close(file);
        }
    }
    if (text != NULL)
        usleep((useconds_t)atoi(text));
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_a_little();
    return real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_a_little();
    return real(fd);
}
