import Platform

/// Boot timer marks around the two loops.
enum Mark {
  static let portBegin: UInt8 = 16
  static let portEnd: UInt8 = 17
  static let memoryBegin: UInt8 = 18
  static let memoryEnd: UInt8 = 19
}

/// Makes `n=` exits (20,000 unless told) of each kind, each loop between two boot timer marks.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  machine_start()
  let count = CommandLine(text: commandLine).number("n=") ?? 20_000

  BootTimer.mark(Mark.portBegin)
  var left = count
  while left > 0 {
    out8(0x80, 0)  // no device there: the cheapest round trip
    left &-= 1
  }
  BootTimer.mark(Mark.portEnd)

  BootTimer.mark(Mark.memoryBegin)
  left = count
  while left > 0 {
    _ = load32(0xd000_0000)  // magic value of the first virtio window
    left &-= 1
  }
  BootTimer.mark(Mark.memoryEnd)

  Serial.write("exits: ")
  Serial.write(decimal: count)
  Serial.write(" port writes, ")
  Serial.write(decimal: count)
  Serial.write(" memory reads\n")
  return 0
}
