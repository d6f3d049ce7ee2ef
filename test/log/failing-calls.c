/*
 * A disk that fails at its n-th call. Preloaded into a process (LD_PRELOAD), it counts what the process asks of files
 * under one directory: open, read, write, fsync, truncate, rename. The call that is due fails as disks fail:
 *
 *   error  a write is torn after half of its sectors, a failed fsync has lost what was written since the one before (as
 *          Linux does: the pages are clean afterwards, and may be gone), the others change nothing. Later calls work,
 *          so whoever tries again believes that all is well.
 *   power  the process ends at once, and the directory is as a power failure leaves it: without any write, truncation
 *          or new name that was not synced.
 *
 * FAILING_UNDER: the directory. FAILING_AT: which call, from 1; 0: none. FAILING_HOW: error or power. FAILING_TRACE: the
 * file that gets a line for each call: its number, what, which file, and `failed` for the one that was due.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096, FILES = 64, NAME_SIZE = 512, SECTOR = 512 };

/* What a write or a truncation replaced, until it is synced. */
struct unsynced {
  int file;
  off_t at;
  off_t size_before;
  size_t length;
  char *bytes;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char under[NAME_SIZE];
static int fail_at, is_power, trace = -1, calls;
static char files[FILES][NAME_SIZE]; /* From 1; 0: none of ours. */
static char is_nameless[FILES];      /* Made, and its directory not synced since. */
static int file_count = 1;
static short file_of[FDS];
static struct unsynced *log_of_writes;
static size_t log_count, log_room;

__attribute__((constructor)) static void begin(void) {
  const char *directory = getenv("FAILING_UNDER"), *at = getenv("FAILING_AT"), *how = getenv("FAILING_HOW");
  const char *path = getenv("FAILING_TRACE");
  if (directory == NULL || path == NULL) return;
  snprintf(under, sizeof under, "%s", directory);
  fail_at = at == NULL ? 0 : atoi(at);
  is_power = how != NULL && strcmp(how, "power") == 0;
  trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int file_named(const char *path) {
  size_t length = strlen(under);
  if (length == 0 || strncmp(path, under, length) != 0 || (path[length] != '/' && path[length] != '\0')) return 0;
  for (int file = 1; file < file_count; file++)
    if (strcmp(files[file], path) == 0) return file;
  if (file_count == FILES) abort();
  snprintf(files[file_count], NAME_SIZE, "%s", path);
  return file_count++;
}

static int ours(int fd) { return fd >= 0 && fd < FDS ? file_of[fd] : 0; }

static off_t size_of(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 ? about.st_size : 0;
}

/* Before `length` bytes from `at` on are replaced, or (`length` 0) cut off. */
static void remember(int fd, int file, off_t at, size_t length) {
  if (log_count == log_room) {
    log_room = log_room == 0 ? 1024 : 2 * log_room;
    log_of_writes = realloc(log_of_writes, log_room * sizeof *log_of_writes);
  }
  off_t size = size_of(fd);
  size_t kept = at >= size ? 0 : (size_t)(size - at);
  if (length != 0 && kept > length) kept = length;
  struct unsynced one = {file, at, size, kept, malloc(kept + 1)};
  if (log_of_writes == NULL || one.bytes == NULL) abort();
  if (kept > 0 && syscall(SYS_pread64, fd, one.bytes, kept, at) != (long)kept) abort();
  log_of_writes[log_count++] = one;
}

/* The writes of `file` are on disk, or (`fd` is not -1) lost. */
static void forget(int file, int fd) {
  size_t left = 0;
  for (size_t i = log_count; fd != -1 && i-- > 0;) {
    struct unsynced *one = &log_of_writes[i];
    if (one->file != file) continue;
    if (one->length > 0 && syscall(SYS_pwrite64, fd, one->bytes, one->length, one->at) != (long)one->length) abort();
    if (syscall(SYS_ftruncate, fd, one->size_before) != 0) abort();
  }
  for (size_t i = 0; i < log_count; i++) {
    if (log_of_writes[i].file == file) free(log_of_writes[i].bytes);
    else log_of_writes[left++] = log_of_writes[i];
  }
  log_count = left;
}

static void lose_power(void) {
  for (int file = 1; file < file_count; file++) {
    if (is_nameless[file]) {
      syscall(SYS_unlink, files[file]);
      continue;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, files[file], O_RDWR, 0);
    if (fd >= 0) forget(file, fd);
  }
  syscall(SYS_exit_group, 77);
}

/* Counts a call. Answers whether it fails; errno is then set. */
static int is_due(const char *what, int file) {
  int is_failing = ++calls == fail_at;
  char line[NAME_SIZE + 64];
  const char *name = strcmp(files[file], under) == 0 ? "." : files[file] + strlen(under) + 1;
  int length = snprintf(line, sizeof line, "%d %s %s%s\n", calls, what, name, is_failing ? " failed" : "");
  if (trace >= 0 && syscall(SYS_write, trace, line, (size_t)length) != length) abort();
  if (!is_failing) return 0;
  if (is_power) lose_power();
  errno = strcmp(what, "write") == 0 && calls % 2 == 0 ? ENOSPC : EIO;
  return 1;
}

static int opened(const char *path, int flags, mode_t mode) {
  pthread_mutex_lock(&guard);
  int file = file_named(path), fd = -1;
  int is_new = file != 0 && (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
  if (file == 0 || !is_due("open", file)) {
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && fd < FDS) file_of[fd] = (short)file;
    if (fd >= 0 && is_new) is_nameless[file] = 1;
  }
  pthread_mutex_unlock(&guard);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened(path, flags, mode);
}

int close(int fd) {
  pthread_mutex_lock(&guard);
  if (fd >= 0 && fd < FDS) file_of[fd] = 0;
  pthread_mutex_unlock(&guard);
  return (int)syscall(SYS_close, fd);
}

int unlink(const char *path) {
  pthread_mutex_lock(&guard);
  int file = file_named(path);
  if (file != 0) {
    forget(file, -1);
    is_nameless[file] = 0;
  }
  pthread_mutex_unlock(&guard);
  return (int)syscall(SYS_unlink, path);
}

int rename(const char *from, const char *to) {
  pthread_mutex_lock(&guard);
  int file = file_named(from), old = file_named(to), answer = -1;
  if (file == 0 || !is_due("rename", file)) {
    answer = (int)syscall(SYS_rename, from, to);
    if (file != 0 && old != 0 && answer == 0) { /* What is open under the old name goes on under the new one. */
      snprintf(files[old], NAME_SIZE, "%s", from);
      snprintf(files[file], NAME_SIZE, "%s", to);
      is_nameless[old] = 0;
    }
  }
  pthread_mutex_unlock(&guard);
  return answer;
}

static ssize_t read_from(int fd, void *bytes, size_t length, off_t at) {
  pthread_mutex_lock(&guard);
  int is_failing = ours(fd) != 0 && is_due("read", ours(fd));
  pthread_mutex_unlock(&guard);
  if (is_failing) return -1;
  return at < 0 ? syscall(SYS_read, fd, bytes, length) : syscall(SYS_pread64, fd, bytes, length, at);
}

static ssize_t write_to(int fd, const void *bytes, size_t length, off_t at) {
  pthread_mutex_lock(&guard);
  int file = ours(fd);
  int is_failing = 0, why = 0;
  if (file != 0) {
    off_t where = at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
    is_failing = is_due("write", file);
    why = errno;
    remember(fd, file, where, length);
    if (is_failing) length = length / 2 / SECTOR * SECTOR;
  }
  ssize_t written = 0;
  if (!is_failing || length > 0)
    written = at < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, at);
  if (is_failing) {
    written = -1;
    errno = why;
  }
  pthread_mutex_unlock(&guard);
  return written;
}

ssize_t read(int fd, void *bytes, size_t length) { return read_from(fd, bytes, length, -1); }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return read_from(fd, bytes, length, at); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) { return read_from(fd, bytes, length, at); }
ssize_t write(int fd, const void *bytes, size_t length) { return write_to(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_to(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_to(fd, bytes, length, at); }

static int synced(int fd, long number) {
  pthread_mutex_lock(&guard);
  int file = ours(fd), answer = -1;
  if (file == 0) answer = (int)syscall(number, fd);
  else if (is_due("fsync", file)) {
    if (strcmp(files[file], under) != 0) forget(file, fd);
    errno = EIO;
  } else {
    answer = (int)syscall(number, fd);
    if (strcmp(files[file], under) == 0) memset(is_nameless, 0, sizeof is_nameless);
    forget(file, -1);
  }
  pthread_mutex_unlock(&guard);
  return answer;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int truncated(int fd, off_t size) {
  pthread_mutex_lock(&guard);
  int file = ours(fd);
  int is_failing = file != 0 && is_due("truncate", file);
  if (file != 0 && !is_failing) remember(fd, file, size, 0);
  int answer = is_failing ? -1 : (int)syscall(SYS_ftruncate, fd, size);
  pthread_mutex_unlock(&guard);
  return answer;
}

int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }
