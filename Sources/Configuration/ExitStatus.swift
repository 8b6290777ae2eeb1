/// How a run ended, as the exit status of `swiftlet` and `swiftlet-vmm`: the one table of both programs.
///
/// A workload's own status is carried through unchanged, so it may equal one of ours; the line on standard
/// error, which every status of ours comes with and a workload's does not, tells them apart.
public enum ExitStatus: Sendable, Hashable {
  /// The guest powered off; the byte is what its workload left, 0 when it left none.
  case poweredOff(workload: UInt8)
  /// The command line was not understood.
  case usage
  /// A kernel, initrd, disk, image or configuration file has contents that cannot be used.
  case badInput
  /// A file named by the person is missing, may not be read, or is in use.
  case noInput
  /// There is no /dev/kvm to use: missing, not permitted, or lacking a capability.
  case noKVM
  /// The monitor itself failed.
  case monitorError
  /// The host ran out of something: memory, descriptors, threads, room for images.
  case hostResource
  /// What was asked for could not be written to standard output.
  case inputOutput
  /// The guest's kernel panicked and reset the machine.
  case guestPanic
  /// The guest asked for a reset and `--reboot exit` is in force.
  case guestReset
  /// The time limit passed.
  case timeLimit
  /// A virtual processor cannot go on: triple fault, or an instruction or state KVM refuses.
  case guestFault
  /// The person at the console ended the machine (Ctrl-A x).
  case endedAtConsole
  /// A thread of the monitor made a system call that it may not make.
  case blockedCall
  /// A signal ended the machine, or the terminal's hang-up did (as SIGHUP).
  case signal(UInt8)

  /// The number handed to the system.
  public var code: Int32 {
    switch self {
    case .poweredOff(let workload): Int32(workload)
    case .usage: 64
    case .badInput: 65
    case .noInput: 66
    case .noKVM: 69
    case .monitorError: 70
    case .hostResource: 71
    case .inputOutput: 74
    case .guestPanic: 80
    case .guestReset: 81
    case .timeLimit: 82
    case .guestFault: 83
    case .endedAtConsole: 84
    case .blockedCall: 85
    case .signal(let number): 128 + Int32(number & 0x7f)
    }
  }

  /// One line that says what happened.
  public var meaning: String {
    switch self {
    case .poweredOff(0): "the guest powered off"
    case .poweredOff(let workload): "the guest powered off, its workload ended with status \(workload)"
    case .usage: "the command line was not understood"
    case .badInput: "a kernel, initrd, disk, image or configuration file cannot be used as it is"
    case .noInput: "a file is missing, may not be read, or is in use"
    case .noKVM: "there is no usable /dev/kvm"
    case .monitorError: "the monitor failed"
    case .hostResource: "the host ran out of memory, descriptors, threads or room for images"
    case .inputOutput: "standard output cannot be written to"
    case .guestPanic: "the guest's kernel panicked"
    case .guestReset: "the guest asked for a reset"
    case .timeLimit: "the time limit passed"
    case .guestFault: "the guest stopped at a fault it could not handle"
    case .endedAtConsole: "ended at the console"
    case .blockedCall: "the monitor made a system call that it may not make"
    case .signal(let number): "ended by signal \(number)"
    }
  }

  /// Every status with a number of its own, in the order of the numbers, for help and manual pages.
  public static let ours: [ExitStatus] = [
    .usage, .badInput, .noInput, .noKVM, .monitorError, .hostResource, .inputOutput, .guestPanic, .guestReset,
    .timeLimit, .guestFault, .endedAtConsole, .blockedCall,
  ]
}
