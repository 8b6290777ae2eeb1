// Prints the extended attributes of files, one a line: path, name, and the value in hexadecimal.
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int main(int count, char **paths) {
  static char names[1 << 16];
  static unsigned char value[1 << 16];
  for (int index = 1; index < count; index++) {
    ssize_t size = llistxattr(paths[index], names, sizeof names);
    if (size < 0) {
      perror(paths[index]);
      return 1;
    }
    for (char *name = names; name < names + size; name += strlen(name) + 1) {
      ssize_t length = lgetxattr(paths[index], name, value, sizeof value);
      if (length < 0) {
        perror(name);
        return 1;
      }
      printf("%s %s ", paths[index], name);
      for (ssize_t place = 0; place < length; place++) printf("%02x", value[place]);
      putchar('\n');
    }
  }
  return 0;
}
