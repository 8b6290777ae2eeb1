// inject PID NAME CALL: makes the thread NAME of a process make the system call CALL instead of its next one (ptrace(2)).
// inject -u PID NAME CALL ARGUMENT...: has it make CALL before its next one, with no filter asked, and prints the result.
// An argument is a number or, where it begins with a slash, text for the call to find in memory.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct user_regs_struct registers;

static pid_t find(const char *process, const char *name) {
  char path[300], comm[32] = "";
  snprintf(path, sizeof path, "/proc/%s/task", process);
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/task/%s/comm", process, entry->d_name);
    FILE *file = fopen(path, "r");
    if (file && fgets(comm, sizeof comm, file)) comm[strcspn(comm, "\n")] = 0;
    if (file) fclose(file);
    if (strcmp(comm, name) == 0) return atoi(entry->d_name);
  }
  return 0;
}

static void check(long result, const char *what) {
  if (result == 0) return;
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  exit(1);
}

// Lets the thread go on to where it enters, or leaves, a system call.
static registers go_on(pid_t thread) {
  int status;
  do {
    check(ptrace(PTRACE_SYSCALL, thread, NULL, NULL), "go on");
    waitpid(thread, &status, __WALL);
    if (!WIFSTOPPED(status)) exit(4);
  } while (WSTOPSIG(status) != (SIGTRAP | 0x80));
  registers now;
  check(ptrace(PTRACE_GETREGS, thread, NULL, &now), "registers");
  return now;
}

static void set(pid_t thread, registers to) { check(ptrace(PTRACE_SETREGS, thread, NULL, &to), "registers"); }

// Below what the thread's function may have on its stack.
static unsigned long put(pid_t thread, unsigned long *free, const char *text) {
  unsigned long words[64] = {0};
  strncpy((char *)words, text, sizeof words - 1);
  *free -= sizeof words;
  for (int index = 0; index < 64; index++) {
    check(ptrace(PTRACE_POKEDATA, thread, *free + 8 * index, words[index]), "memory");
  }
  return *free;
}

// The thread is about to make its own call, and is again in the end.
static long call(pid_t thread, registers own, char **arguments, int count) {
  registers made = own;
  unsigned long free = (own.rsp - 4096) & ~15ul, values[6] = {0};
  for (int index = 0; index < count && index < 6; index++) {
    const char *argument = arguments[1 + index];
    values[index] = *argument == '/' ? put(thread, &free, argument) : strtoul(argument, NULL, 0);
  }
  made.orig_rax = strtoul(arguments[0], NULL, 10);
  made.rdi = values[0], made.rsi = values[1], made.rdx = values[2];
  made.r10 = values[3], made.r8 = values[4], made.r9 = values[5];
  set(thread, made);
  const long result = (long)go_on(thread).rax;
  own.rip -= 2;  // to the instruction SYSCALL
  own.rax = own.orig_rax;
  own.orig_rax = -1ul;
  set(thread, own);
  return result;
}

int main(int count, char **arguments) {
  const int unfiltered = count > 1 && strcmp(arguments[1], "-u") == 0;
  arguments += 1 + unfiltered;
  count -= 1 + unfiltered;
  if (count < 3) return 2;
  const pid_t thread = find(arguments[0], arguments[1]);
  if (!thread) return 3;
  const long options = PTRACE_O_TRACESYSGOOD | (unfiltered ? PTRACE_O_SUSPEND_SECCOMP : 0);
  check(ptrace(PTRACE_SEIZE, thread, NULL, options), "seize");
  check(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), "interrupt");
  int status;
  waitpid(thread, &status, __WALL);
  // The call that was interrupted ends first; the stop after it is before the next one, where it can still be changed:
  // filters look at it later.
  registers own;
  do own = go_on(thread);
  while ((long)own.rax != -ENOSYS);
  if (unfiltered) {
    printf("%ld\n", call(thread, own, arguments + 2, count - 3));
  } else {
    own.orig_rax = strtoul(arguments[2], NULL, 10);
    set(thread, own);
  }
  check(ptrace(PTRACE_DETACH, thread, NULL, NULL), "detach");
  return 0;
}
