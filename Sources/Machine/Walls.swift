import Configuration
import Confinement
import GuestMemory
import LinuxSystem

/// The confinement of one machine's threads: each goes behind its walls by itself, all before the guest runs.
final class Walls: Sendable {
  private let confinement: Confinement
  private let control: MachineControl
  /// Kept by the I/O thread, with what kept it from being confined.
  private let io = Promise<SystemError?>()

  /// Has the I/O thread confined as soon as it has done what was posted before.
  /// - Returns: nil where the machine is to have none.
  init?(
    around parts: MachineBuilder.Parts, of description: MachineDescription, _ thread: IOThread,
    _ jail: Jail?, hasKeeper: Bool
  ) throws(Diagnostic) {
    guard description.isolation.isOn else { return nil }
    let needs = Needs(of: description, hasWorkarounds: parts.platform.workarounds != nil)
    let folders = Confinement.Folder.all(of: description)
    let isolation = description.isolation
    let identity =
      isolation.user == nil && isolation.group == nil
      ? nil : Privileges.Identity(user: isolation.user, group: isolation.group)
    control = parts.platform.control
    confinement = try Walls.confining { () throws(SystemError) in
      try parts.platform.memory.keepToThisProcess()
      return try Confinement(
        needs: needs, folders: folders, identity: identity, jail: jail, hasKeeper: hasKeeper,
        threads: description.cpus + 2)
    }
    thread.mailbox.post { [confinement, io] _ in
      do throws(SystemError) {
        try confinement.enter(.io)
        io.keep(nil)
      } catch { io.keep(error) }
    }
  }

  /// Confines the calling thread, which runs a virtual processor.
  func enterProcessor(_ index: Int) throws(SystemError) {
    do throws(SystemError) { try confinement.enter(.processor(index)) } catch {
      control.end(Outcome(Walls.refusal(error)))
      throw error
    }
  }

  /// Confines the calling thread, which is the main one, and waits until the I/O thread is confined.
  func enterMain() throws(Diagnostic) {
    try Walls.confining { () throws(SystemError) in
      try confinement.enter(.main)
      if let error = io.wait() { throw error }
    }
  }

  private static func confining<Result>(_ body: () throws(SystemError) -> Result) throws(Diagnostic) -> Result
  {
    do throws(SystemError) { return try body() } catch { throw refusal(error) }
  }

  private static func refusal(_ error: SystemError) -> Diagnostic {
    Diagnostic(
      .hostResource, "cannot confine the monitor", which: "\(error)",
      mend: "`swiftlet doctor` says what the host offers; --no-confinement does without")
  }
}

extension Needs {
  fileprivate init(of description: MachineDescription, hasWorkarounds: Bool) {
    let hasConsole = description.console != .none
    let all: [(Needs, Bool)] = [
      (.workarounds, hasWorkarounds), (.counter, description.isTimed), (.console, hasConsole),
      (.terminal, hasConsole && Terminal.isTerminal(0)),
      (.streams, hasConsole && [Int32(0), 1].contains { FileStatus.isSocket($0) }),
      (.disks, !description.disks.isEmpty), (.diskWrites, description.disks.contains { !$0.readOnly }),
      (.ring, description.disks.contains { $0.usesRing }),
      (.taps, description.networks.contains { $0.host.isTap }),
      (.ports, !description.ports.isEmpty), (.vsock, description.vsock != nil),
      (.shares, !description.shares.isEmpty), (.shareWrites, description.shares.contains { !$0.readOnly }),
    ]
    self = Needs(all.filter(\.1).map(\.0))
  }
}

extension NetworkInterface.Host {
  fileprivate var isTap: Bool {
    if case .tap = self { return true }
    return false
  }
}

extension Confinement.Folder {
  /// What the devices of a machine name by path while the guest runs, or at the end.
  static func all(of description: MachineDescription) -> [Confinement.Folder] {
    let shares = description.shares.map { Self($0.path, $0.readOnly ? .reading : .writing) }
    let sockets = description.ports.map(\.path) + (description.vsock.map { [$0.path] } ?? [])
    return shares + sockets.map { Self(FileDescriptor.folder(of: $0), .removingSockets) }
  }
}

extension Jail {
  /// - Returns: nil where the machine is to have none.
  convenience init?(for description: MachineDescription) throws(Diagnostic) {
    guard description.isolation.hasJail else { return nil }
    try self.init(Confinement.Folder.all(of: description))
  }
}
