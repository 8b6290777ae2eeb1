import Platform

/// Says hello and ends with the status asked for by `status=N` on the command line, otherwise 0.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  Serial.write("hello from a bare guest\n")
  return UInt8(truncatingIfNeeded: CommandLine(text: commandLine).number("status=") ?? 0)
}
