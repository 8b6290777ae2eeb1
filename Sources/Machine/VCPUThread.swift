import Configuration
import Devices
import GuestMemory
import HostProfile
import KVM
import LinuxSystem

/// What the threads of all virtual processors share; nothing in it changes after the first one runs.
struct Platform: Sendable {
  let machine: SharedMachine
  let memory: GuestMemory
  let ports: Bus
  let mmio: Bus
  let control: MachineControl
  /// nil on hosts with hardware virtualization.
  let workarounds: HostWorkarounds?
}

/// The virtual machine's descriptor in a class, so that threads can share its one owner.
final class SharedMachine: Sendable {
  let descriptor: VirtualMachine
  init(_ descriptor: consuming VirtualMachine) { self.descriptor = descriptor }
}

/// The run loop: enter the guest, serve what it wants, again, until the machine ends.
struct RunLoop {
  let platform: Platform
  let halt: HaltDetector
  /// nil where nobody wants to know of exits.
  let track: Trace.Track?

  func run(_ vcpu: borrowing VCPU) {
    do throws(SystemError) {
      if vcpu.index == 0 { try serveFirstExit(of: vcpu) }
      if let track { return try run(vcpu, telling: track) }
      while !platform.control.isEnding {
        try serve(try vcpu.runGuest(), on: vcpu)
      }
    } catch {
      platform.control.end(Outcome(.monitorError, "\(error)"))
    }
  }

  private func serveFirstExit(of vcpu: borrowing VCPU) throws(SystemError) {
    guard !platform.control.isEnding else { return }
    platform.control.mark("guest entered")
    let exit = try vcpu.runGuest()
    platform.control.mark("first exit")
    let begin = Clock.monotonicNanoseconds()
    defer { track?.add(.exit(exit), since: begin) }
    try serve(exit, on: vcpu)
  }

  private func run(_ vcpu: borrowing VCPU, telling track: Trace.Track) throws(SystemError) {
    while !platform.control.isEnding {
      let exit = try vcpu.runGuest()
      let begin = Clock.monotonicNanoseconds()
      defer { track.add(.exit(exit), since: begin) }
      try serve(exit, on: vcpu)
    }
  }

  @inline(__always)
  private func serve(_ exit: Exit, on vcpu: borrowing VCPU) throws(SystemError) {
    platform.control.counters?.count(exit.service)
    switch exit {
    case .port(let number, let width, _, let isWrite):
      servePort(number, width, isWrite, on: vcpu)
    case .readMMIO(let address, let width):
      guard let width = AccessWidth(bytes: Int(width)) else { return vcpu.completeMMIO(UInt64.max) }
      vcpu.completeMMIO(platform.mmio.read(address: address.value, width: width))
    case .writeMMIO(let address, let width, let value):
      guard let width = AccessWidth(bytes: Int(width)) else { return }
      if !platform.mmio.write(address: address.value, width: width, value: value) {
        _ = try isWorkedAround(exit, on: vcpu)
      }
    case .interrupted: halt.answer(vcpu)
    case .shutdown: platform.control.end(Outcome(.guestFault, "triple fault on vCPU \(vcpu.index)"))
    case .halted, .readMSR, .writeMSR, .systemEvent, .internalError, .failedEntry, .unknown:
      if try !isWorkedAround(exit, on: vcpu) {
        platform.control.end(Outcome(.guestFault, "vCPU \(vcpu.index) cannot go on: \(exit)"))
      }
    }
  }

  @inline(__always)
  private func servePort(_ number: UInt16, _ width: UInt8, _ isWrite: Bool, on vcpu: borrowing VCPU) {
    guard let width = AccessWidth(bytes: Int(width)) else { return }
    vcpu.handlePort { value in
      if isWrite {
        platform.ports.write(address: UInt64(number), width: width, value: value)
        return 0
      }
      return platform.ports.read(address: UInt64(number), width: width)
    }
  }

  /// Whether the exit was due to what the host's KVM lacks, and has been dealt with.
  private func isWorkedAround(_ exit: Exit, on vcpu: borrowing VCPU) throws(SystemError) -> Bool {
    guard let workarounds = platform.workarounds else { return false }
    switch try workarounds.handle(exit, on: vcpu, memory: platform.memory) {
    case .resume: return true
    case .notMine: return false
    case .fatal(let reason):
      platform.control.end(Outcome(.guestFault, "vCPU \(vcpu.index) cannot go on: \(reason)"))
      return true
    }
  }
}

extension Exit {
  @inline(__always)
  fileprivate var service: Counters.Service {
    switch self {
    case .port: .port
    case .readMMIO: .read
    case .writeMMIO: .write
    default: .other
    }
  }
}
