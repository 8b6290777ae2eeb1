// Made by `make filters` from Sources/confinement-filters: not to be edited.

/// Parts of seccomp filters as libseccomp compiles them, an instruction (struct sock_filter) a number.
enum FilterTable {
  /// For what the C library and Swift's runtime need on every thread.
  static let common: [UInt64] = [
    0x0000000400000020, 0xC000003E31000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF2E000015,
    0x00000000002C0015, 0x00000001002B0015, 0x00000003002A0015, 0x0000000500290015, 0x0000000B00280015,
    0x0000000C00270015, 0x0000000E00260015, 0x0000000F00250015, 0x0000001300240015, 0x0000001400230015,
    0x0000001800220015, 0x0000001900210015, 0x0000002700200015, 0x0000003C001F0015, 0x000000BA001E0015,
    0x000000CA001D0015, 0x000000DB001C0015, 0x000000E4001B0015, 0x000000E7001A0015, 0x0000013E00190015,
    0x000000EA04000015, 0x0000001400000020, 0x0000000015000015, 0x0000001000000020, 0x7A5D000113140015,
    0x0000001C05000015, 0x0000002400000020, 0x0000000010000015, 0x0000002000000020, 0x00000008000F0015,
    0x000000040D0E0015, 0x000000090C000015, 0x0000002400000020, 0x0000000000000054, 0x0000000009000015,
    0x0000002000000020, 0x0000000400000054, 0x0000000006000015, 0x0000002C00000020, 0x0000000000000054,
    0x0000000003000015, 0x0000002800000020, 0x0000002000000054, 0x0000002000010015, 0x0003000000000006,
    0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a virtual processor's thread.
  static let processor: [UInt64] = [
    0x0000000400000020, 0xC000003E10000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0D000015,
    0x000000100A000015, 0x0000001C00000020, 0x0000000008000015, 0x0000001800000020, 0x8138AE8300070015,
    0x8090AE8100060015, 0x8004AE9800050015, 0x4138AE8400040015, 0x4090AE8200030015, 0x4020AEA500020015,
    0x0000AE8000010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a virtual processor's thread where KVM has no hardware beneath it.
  static let workarounds: [UInt64] = [
    0x0000000400000020, 0xC000003E11000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0E000015,
    0x000000100B000015, 0x0000001C00000020, 0x0000000009000015, 0x0000001800000020, 0xC018AE8500080015,
    0xC008AE8800070015, 0x8040AE9F00060015, 0x4188AEC600050015, 0x4068AEA300040015, 0x4040AEA000030015,
    0x4008AE8900020015, 0x0000AEA300010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a thread with an event loop: main and io.
  static let loop: [UInt64] = [
    0x0000000400000020, 0xC000003E0A000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF07000015,
    0x0000000700050015, 0x000000E800040015, 0x000000E900030015, 0x0000011900020015, 0x0000011E00010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the io thread, which raises interrupts.
  static let interrupts: [UInt64] = [
    0x0000000400000020, 0xC000003E0A000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF07000015,
    0x0000001004000015, 0x0000001C00000020, 0x0000000002000015, 0x0000001800000020, 0x4020AEA500010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For who reads KVM's counters for a timeline.
  static let counter: [UInt64] = [
    0x0000000400000020, 0xC000003E06000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF03000015,
    0x0000001100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the main thread of a machine with a console.
  static let console: [UInt64] = [
    0x0000000400000020, 0xC000003E0B000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF08000015,
    0x0000001005000015, 0x0000001C00000020, 0x0000000003000015, 0x0000001800000020, 0x0000541300020015,
    0x0000540100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For every thread, to bring a raw terminal back after a fault.
  static let fault: [UInt64] = [
    0x0000000400000020, 0xC000003E0B000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF08000015,
    0x0000001005000015, 0x0000001C00000020, 0x0000000003000015, 0x0000001800000020, 0x0000540200020015,
    0x0000540100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the main thread where the console is a terminal.
  static let terminal: [UInt64] = [
    0x0000000400000020, 0xC000003E0C000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF09000015,
    0x0000000D00070015, 0x0000006F00060015, 0x0000001004000015, 0x0000001C00000020, 0x0000000002000015,
    0x0000001800000020, 0x0000540F00010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For disks.
  static let disk: [UInt64] = [
    0x0000000400000020, 0xC000003E08000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF05000015,
    0x0000000800030015, 0x0000001100020015, 0x0000012700010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For disks that are not read-only.
  static let diskWrites: [UInt64] = [
    0x0000000400000020, 0xC000003E09000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF06000015,
    0x0000001200040015, 0x0000004B00030015, 0x0000011D00020015, 0x0000012800010015, 0x0003000000000006,
    0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For disks with io_uring, whose ring takes no other operations than theirs.
  static let ring: [UInt64] = [
    0x0000000400000020, 0xC000003E06000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF03000015,
    0x000001AA00010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For taps.
  static let tap: [UInt64] = [
    0x0000000400000020, 0xC000003E0A000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF07000015,
    0x0000001004000015, 0x0000001C00000020, 0x0000000002000015, 0x0000001800000020, 0x400454D000010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For named ports and vsock: who connects.
  static let sockets: [UInt64] = [
    0x0000000400000020, 0xC000003E08000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF05000015,
    0x0000002D00030015, 0x0000003000020015, 0x0000012000010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For named ports and vsock: the socket is removed at the end.
  static let removal: [UInt64] = [
    0x0000000400000020, 0xC000003E06000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF03000015,
    0x0000005700010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For vsock: the guest's connections to Unix sockets of the host.
  static let connections: [UInt64] = [
    0x0000000400000020, 0xC000003E11000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0E000015,
    0x0000002A000C0015, 0x000000290A000015, 0x0000001400000020, 0x0000000008000015, 0x0000001000000020,
    0x0000000106000015, 0x0000001C00000020, 0x0000000000000054, 0x0000000003000015, 0x0000001800000020,
    0x0000000F00000054, 0x0000000100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For shared directories.
  static let share: [UInt64] = [
    0x0000000400000020, 0xC000003E0D000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0A000015,
    0x0000000800080015, 0x0000001100070015, 0x0000008A00060015, 0x000000D900050015, 0x0000010B00040015,
    0x0000012700030015, 0x0000014C00020015, 0x000001B500010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For shared directories that are writable.
  static let shareWrites: [UInt64] = [
    0x0000000400000020, 0xC000003E12000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0F000015,
    0x00000012000D0015, 0x0000004A000C0015, 0x0000004B000B0015, 0x0000004D000A0015, 0x0000005B00090015,
    0x0000010200080015, 0x0000010700070015, 0x0000010900060015, 0x0000010A00050015, 0x0000011800040015,
    0x0000011D00030015, 0x0000012800020015, 0x0000013C00010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// The names of the system calls in the order of their numbers, a line each; empty where there is none.
  static let callNames: StaticString = """
    read
    write
    open
    close
    stat
    fstat
    lstat
    poll
    lseek
    mmap
    mprotect
    munmap
    brk
    rt_sigaction
    rt_sigprocmask
    rt_sigreturn
    ioctl
    pread64
    pwrite64
    readv
    writev
    access
    pipe
    select
    sched_yield
    mremap
    msync
    mincore
    madvise
    shmget
    shmat
    shmctl
    dup
    dup2
    pause
    nanosleep
    getitimer
    alarm
    setitimer
    getpid
    sendfile
    socket
    connect
    accept
    sendto
    recvfrom
    sendmsg
    recvmsg
    shutdown
    bind
    listen
    getsockname
    getpeername
    socketpair
    setsockopt
    getsockopt
    clone
    fork
    vfork
    execve
    exit
    wait4
    kill
    uname
    semget
    semop
    semctl
    shmdt
    msgget
    msgsnd
    msgrcv
    msgctl
    fcntl
    flock
    fsync
    fdatasync
    truncate
    ftruncate
    getdents
    getcwd
    chdir
    fchdir
    rename
    mkdir
    rmdir
    creat
    link
    unlink
    symlink
    readlink
    chmod
    fchmod
    chown
    fchown
    lchown
    umask
    gettimeofday
    getrlimit
    getrusage
    sysinfo
    times
    ptrace
    getuid
    syslog
    getgid
    setuid
    setgid
    geteuid
    getegid
    setpgid
    getppid
    getpgrp
    setsid
    setreuid
    setregid
    getgroups
    setgroups
    setresuid
    getresuid
    setresgid
    getresgid
    getpgid
    setfsuid
    setfsgid
    getsid
    capget
    capset
    rt_sigpending
    rt_sigtimedwait
    rt_sigqueueinfo
    rt_sigsuspend
    sigaltstack
    utime
    mknod
    uselib
    personality
    ustat
    statfs
    fstatfs
    sysfs
    getpriority
    setpriority
    sched_setparam
    sched_getparam
    sched_setscheduler
    sched_getscheduler
    sched_get_priority_max
    sched_get_priority_min
    sched_rr_get_interval
    mlock
    munlock
    mlockall
    munlockall
    vhangup
    modify_ldt
    pivot_root
    _sysctl
    prctl
    arch_prctl
    adjtimex
    setrlimit
    chroot
    sync
    acct
    settimeofday
    mount
    umount2
    swapon
    swapoff
    reboot
    sethostname
    setdomainname
    iopl
    ioperm
    create_module
    init_module
    delete_module
    get_kernel_syms
    query_module
    quotactl
    nfsservctl
    getpmsg
    putpmsg
    afs_syscall
    tuxcall
    security
    gettid
    readahead
    setxattr
    lsetxattr
    fsetxattr
    getxattr
    lgetxattr
    fgetxattr
    listxattr
    llistxattr
    flistxattr
    removexattr
    lremovexattr
    fremovexattr
    tkill
    time
    futex
    sched_setaffinity
    sched_getaffinity
    set_thread_area
    io_setup
    io_destroy
    io_getevents
    io_submit
    io_cancel
    get_thread_area
    lookup_dcookie
    epoll_create
    epoll_ctl_old
    epoll_wait_old
    remap_file_pages
    getdents64
    set_tid_address
    restart_syscall
    semtimedop
    fadvise64
    timer_create
    timer_settime
    timer_gettime
    timer_getoverrun
    timer_delete
    clock_settime
    clock_gettime
    clock_getres
    clock_nanosleep
    exit_group
    epoll_wait
    epoll_ctl
    tgkill
    utimes
    vserver
    mbind
    set_mempolicy
    get_mempolicy
    mq_open
    mq_unlink
    mq_timedsend
    mq_timedreceive
    mq_notify
    mq_getsetattr
    kexec_load
    waitid
    add_key
    request_key
    keyctl
    ioprio_set
    ioprio_get
    inotify_init
    inotify_add_watch
    inotify_rm_watch
    migrate_pages
    openat
    mkdirat
    mknodat
    fchownat
    futimesat
    newfstatat
    unlinkat
    renameat
    linkat
    symlinkat
    readlinkat
    fchmodat
    faccessat
    pselect6
    ppoll
    unshare
    set_robust_list
    get_robust_list
    splice
    tee
    sync_file_range
    vmsplice
    move_pages
    utimensat
    epoll_pwait
    signalfd
    timerfd_create
    eventfd
    fallocate
    timerfd_settime
    timerfd_gettime
    accept4
    signalfd4
    eventfd2
    epoll_create1
    dup3
    pipe2
    inotify_init1
    preadv
    pwritev
    rt_tgsigqueueinfo
    perf_event_open
    recvmmsg
    fanotify_init
    fanotify_mark
    prlimit64
    name_to_handle_at
    open_by_handle_at
    clock_adjtime
    syncfs
    sendmmsg
    setns
    getcpu
    process_vm_readv
    process_vm_writev
    kcmp
    finit_module
    sched_setattr
    sched_getattr
    renameat2
    seccomp
    getrandom
    memfd_create
    kexec_file_load
    bpf
    execveat
    userfaultfd
    membarrier
    mlock2
    copy_file_range
    preadv2
    pwritev2
    pkey_mprotect
    pkey_alloc
    pkey_free
    statx
    io_pgetevents
    rseq

























































































    pidfd_send_signal
    io_uring_setup
    io_uring_enter
    io_uring_register
    open_tree
    move_mount
    fsopen
    fsconfig
    fsmount
    fspick
    pidfd_open
    clone3
    close_range
    openat2
    pidfd_getfd
    faccessat2
    process_madvise
    epoll_pwait2
    mount_setattr
    quotactl_fd
    landlock_create_ruleset
    landlock_add_rule
    landlock_restrict_self
    memfd_secret
    process_mrelease
    futex_waitv
    set_mempolicy_home_node
    cachestat
    fchmodat2
    map_shadow_stack
    futex_wake
    futex_wait
    futex_requeue
    """
}
