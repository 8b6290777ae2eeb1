// What of libarchive is used (tar, and streams by gzip, zstd, xz and bzip2) needs no more than these four libraries.
#include <archive.h>
#include <archive_entry.h>
