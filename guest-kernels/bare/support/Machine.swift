import Platform

/// The boot timer at port 0x603: each mark is stamped with the host's time.
enum BootTimer {
  static func mark(_ name: UInt8) { out8(0x603, name) }
}

/// Called by machine.S: an exception is a mistake of the guest itself. Status 255 says so.
@c
func guest_exception(vector: UInt64, errorCode: UInt64, instruction: UInt64) -> UInt8 {
  Serial.write("FAIL exception ")
  Serial.write(decimal: vector)
  Serial.write(" error ")
  Serial.write(hex: errorCode)
  Serial.write(" at ")
  Serial.write(hex: instruction)
  Serial.write("\n")
  return 255
}
