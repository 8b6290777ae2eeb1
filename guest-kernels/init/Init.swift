import LinuxCalls

/// Process 1: reports what it sees, or runs the command given to it; then ends the machine.
@c
func init_main(count: Int, arguments: CTextArray, environment: CTextArray) -> Never {
  guard sys_getpid() == 1 else {  // elsewhere the ports would be those of a machine that is not ours
    Text.print { $0.add("init: this is a guest's first process and does nothing elsewhere\n") }
    sys_exit(2)
  }
  let platform = Platform()
  platform.mark(Platform.Mark.userSpace)
  guard count > 1 else {
    printReport()
    platform.powerOff(status: 0)
  }
  mount("proc", on: "/proc")
  mount("sysfs", on: "/sys")
  mount("tmpfs", on: "/tmp")
  mount("tmpfs", on: "/run")
  var status: UInt8 = 0
  Environment.with(environment) {
    platform.mark(Platform.Mark.workloadBegins)
    status = Workload.run(arguments + 1, environment: $0)
    platform.mark(Platform.Mark.workloadEnded)
  }
  settleDisks()
  platform.powerOff(status: status)
}
