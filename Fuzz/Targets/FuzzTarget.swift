/// A part of Swiftlet that meets bytes of unknown origin, and what must hold whatever they are.
///
/// `run` throws a `Finding` where it does not hold; a trap or a hang is a finding too.
struct FuzzTarget: Sendable {
  /// Also the name of its folder in Fuzz/Corpora.
  let name: String
  let run: @Sendable ([UInt8]) throws -> Void

  static let all: [FuzzTarget] = [
    // What a person gives.
    FuzzTarget(name: "kernel-image", run: kernelImage),
    FuzzTarget(name: "inspect", run: inspect),
    FuzzTarget(name: "unpack", run: unpack),
    FuzzTarget(name: "embedded-text", run: embeddedText),
    FuzzTarget(name: "config-file", run: configFile),
    FuzzTarget(name: "options", run: options),
    FuzzTarget(name: "command-line", run: commandLine),
    FuzzTarget(name: "console-escape", run: consoleEscape),
    FuzzTarget(name: "image-reference", run: imageReference),
    FuzzTarget(name: "image-layers", run: imageLayers),
    FuzzTarget(name: "image-documents", run: imageDocuments),
    // What one program of ours gives the next, and the guest its description.
    FuzzTarget(name: "machine-description", run: machineDescription),
    FuzzTarget(name: "agent-guest", run: agentGuest),
    FuzzTarget(name: "agent-request", run: agentRequest),
    FuzzTarget(name: "boot", run: boot),
    FuzzTarget(name: "tables", run: tables),
    // What a guest does.
    FuzzTarget(name: "agent-host", run: agentHost),
    FuzzTarget(name: "guest-memory", run: guestMemory),
    FuzzTarget(name: "instruction", run: instruction),
    FuzzTarget(name: "page-walk", run: pageWalk),
    FuzzTarget(name: "extended-state", run: extendedState),
    FuzzTarget(name: "virtio-registers", run: virtioRegisters),
    FuzzTarget(name: "virtio-block", run: virtioBlock),
    FuzzTarget(name: "virtio-balloon", run: virtioBalloon),
    FuzzTarget(name: "virtio-console", run: virtioConsole),
    FuzzTarget(name: "virtio-console-ports", run: virtioConsolePorts),
    FuzzTarget(name: "virtio-entropy", run: virtioEntropy),
    FuzzTarget(name: "virtio-net", run: virtioNet),
    FuzzTarget(name: "frame-socket", run: frameSocket),
    FuzzTarget(name: "virtio-vsock", run: virtioVsock),
    FuzzTarget(name: "virtio-fs", run: virtioFs),
    FuzzTarget(name: "serial", run: serial),
    FuzzTarget(name: "platform", run: platform),
    FuzzTarget(name: "interrupt-controller", run: interruptController),
  ]
}
