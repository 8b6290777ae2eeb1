// Made by `make filters` from Sources/confinement-filters: not to be edited.

/// Parts of seccomp filters as libseccomp compiles them, an instruction (struct sock_filter) a number.
enum FilterTable {
  /// For what the C library and Swift's runtime need on every thread.
  static let common: [UInt64] = [
    0x0000000400000020, 0xC000003E37000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF34000015,
    0x0000000000000020, 0x0000000C1C000025, 0x000000270D000025, 0x000000DB08000025, 0x0000013E002E0015,
    0x000000EA04000015, 0x0000001400000020, 0x000000002A000015, 0x0000001000000020, 0x7A5D000128290015,
    0x000000E700280015, 0x000000E426270015, 0x000000DB00260015, 0x000000CA00250015, 0x000000BA00240015,
    0x0000003C22230015, 0x0000001409000025, 0x0000002700210015, 0x0000001C05000015, 0x0000002400000020,
    0x000000001D000015, 0x0000002000000020, 0x00000008001C0015, 0x000000041A1B0015, 0x00000019001A0015,
    0x0000001818190015, 0x0000001400180015, 0x0000001300170015, 0x0000000F00160015, 0x0000000E14150015,
    0x0000000310000025, 0x0000000C00130015, 0x0000000B00120015, 0x000000090C000015, 0x0000002400000020,
    0x0000000000000054, 0x000000000D000015, 0x0000002000000020, 0x0000000400000054, 0x000000000A000015,
    0x0000002C00000020, 0x0000000000000054, 0x0000000007000015, 0x0000002800000020, 0x0000002000000054,
    0x0000002004050015, 0x0000000503040015, 0x0000000300030015, 0x0000000100020015, 0x0000000000010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a virtual processor's thread.
  static let processor: [UInt64] = [
    0x0000000400000020, 0xC000003E12000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0F000015,
    0x0000000000000020, 0x000000100B000015, 0x0000001C00000020, 0x0000000009000015, 0x0000001800000020,
    0x8138AE8300080015, 0x8090AE8100070015, 0x8004AE9800060015, 0x4138AE8400050015, 0x4090AE8200040015,
    0x4020AEA500030015, 0x4008AE9000020015, 0x0000AE8000010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For a virtual processor's thread where KVM has no hardware beneath it.
  static let workarounds: [UInt64] = [
    0x0000000400000020, 0xC000003E18000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF15000015,
    0x0000000000000020, 0x0000006204000015, 0x0000001400000020, 0x000000000F000015, 0x0000001000000020,
    0x000000010D0E0015, 0x000000100C000015, 0x0000001C00000020, 0x000000000A000015, 0x0000001800000020,
    0xC018AE8500090015, 0xC008AE8800080015, 0x9000AEA400070015, 0x8188AEA600060015, 0x8040AE9F00050015,
    0x5000AEA500040015, 0x4040AEA000030015, 0x4008AE8900020015, 0x0000AEA300010015, 0x0003000000000006,
    0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a thread with an event loop: main and io.
  static let loop: [UInt64] = [
    0x0000000400000020, 0xC000003E0C000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF09000015,
    0x0000000000000020, 0x0000000704000025, 0x0000011E00050015, 0x0000011900040015, 0x000000E900030015,
    0x000000E801020015, 0x0000000700010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the io thread, which raises interrupts.
  static let interrupts: [UInt64] = [
    0x0000000400000020, 0xC000003E0B000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF08000015,
    0x0000000000000020, 0x0000001004000015, 0x0000001C00000020, 0x0000000002000015, 0x0000001800000020,
    0x4020AEA500010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For who reads KVM's counters for a timeline.
  static let counter: [UInt64] = [
    0x0000000400000020, 0xC000003E07000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF04000015,
    0x0000000000000020, 0x0000001100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the main thread of a machine with a console.
  static let console: [UInt64] = [
    0x0000000400000020, 0xC000003E0C000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF09000015,
    0x0000000000000020, 0x0000001005000015, 0x0000001C00000020, 0x0000000003000015, 0x0000001800000020,
    0x0000541300020015, 0x0000540100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For a console on sockets.
  static let streams: [UInt64] = [
    0x0000000400000020, 0xC000003E08000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF05000015,
    0x0000000000000020, 0x0000002E00020015, 0x0000002D00010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For every thread, to bring a raw terminal back after a fault.
  static let fault: [UInt64] = [
    0x0000000400000020, 0xC000003E0C000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF09000015,
    0x0000000000000020, 0x0000001005000015, 0x0000001C00000020, 0x0000000003000015, 0x0000001800000020,
    0x0000540200020015, 0x0000540100010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For the main thread where the console is a terminal.
  static let terminal: [UInt64] = [
    0x0000000400000020, 0xC000003E0D000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0A000015,
    0x0000000000000020, 0x0000006F00070015, 0x0000001004000015, 0x0000001C00000020, 0x0000000003000015,
    0x0000001800000020, 0x0000540F01020015, 0x0000000D00010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For disks.
  static let disk: [UInt64] = [
    0x0000000400000020, 0xC000003E09000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF06000015,
    0x0000000000000020, 0x0000012700030015, 0x0000001100020015, 0x0000000800010015, 0x0003000000000006,
    0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For disks that are not read-only.
  static let diskWrites: [UInt64] = [
    0x0000000400000020, 0xC000003E0A000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF07000015,
    0x0000000000000020, 0x0000012800040015, 0x0000011D00030015, 0x0000004B00020015, 0x0000001200010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For disks with io_uring, whose ring takes no other operations than theirs.
  static let ring: [UInt64] = [
    0x0000000400000020, 0xC000003E07000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF04000015,
    0x0000000000000020, 0x000001AA00010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For taps.
  static let tap: [UInt64] = [
    0x0000000400000020, 0xC000003E0B000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF08000015,
    0x0000000000000020, 0x0000001004000015, 0x0000001C00000020, 0x0000000002000015, 0x0000001800000020,
    0x400454D000010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For named ports and vsock: who connects.
  static let sockets: [UInt64] = [
    0x0000000400000020, 0xC000003E09000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF06000015,
    0x0000000000000020, 0x0000012000030015, 0x0000003000020015, 0x0000002D00010015, 0x0003000000000006,
    0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For named ports and vsock: the socket is removed at the end.
  static let removal: [UInt64] = [
    0x0000000400000020, 0xC000003E08000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF05000015,
    0x0000000000000020, 0x0000010600020015, 0x0000005700010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For vsock: the guest's connections to Unix sockets of the host.
  static let connections: [UInt64] = [
    0x0000000400000020, 0xC000003E12000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0F000015,
    0x0000000000000020, 0x0000002A000C0015, 0x000000290A000015, 0x0000001400000020, 0x0000000008000015,
    0x0000001000000020, 0x0000000106000015, 0x0000001C00000020, 0x0000000000000054, 0x0000000003000015,
    0x0000001800000020, 0x0000000F00000054, 0x0000000100010015, 0x0003000000000006, 0x7FFF000000000006,
    0x8000000000000006,
  ]

  /// For shared directories.
  static let share: [UInt64] = [
    0x0000000400000020, 0xC000003E0F000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF0C000015,
    0x0000000000000020, 0x000000D904000025, 0x000001B500080015, 0x0000014C00070015, 0x0000012700060015,
    0x0000010B04050015, 0x000000D900040015, 0x0000008A00030015, 0x0000001100020015, 0x0000000800010015,
    0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
  ]

  /// For shared directories that are writable.
  static let shareWrites: [UInt64] = [
    0x0000000400000020, 0xC000003E16000015, 0x0000000000000020, 0x4000000001000035, 0xFFFFFFFF13000015,
    0x0000000000000020, 0x0000005B09000025, 0x0000010A04000025, 0x0000013C000E0015, 0x00000128000D0015,
    0x0000011D000C0015, 0x000001180A0B0015, 0x0000010A000A0015, 0x0000010900090015, 0x0000010700080015,
    0x0000010206070015, 0x0000001204000025, 0x0000005B00050015, 0x0000004D00040015, 0x0000004B00030015,
    0x0000004A01020015, 0x0000001200010015, 0x0003000000000006, 0x7FFF000000000006, 0x8000000000000006,
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
