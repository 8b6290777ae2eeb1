import CLinux
import Glibc

/// Puts /dev/null where standard input, output or error is closed. Otherwise the next file opened would take its
/// number, and a guest's console would be written into a disk.
public func fillStandardDescriptors() {
  // open(2) returns the lowest number that is free.
  for number in 0...2 as ClosedRange<Int32> where clinux_fcntl(number, F_GETFD, 0) < 0 {
    _ = clinux_open("/dev/null", O_RDWR, 0)
  }
}

/// Closes all descriptors but `kept` and the standard ones, whoever owns them. Where the kernel cannot (before Linux 5.9)
/// they stay open.
public func closeDescriptors(except kept: [Int32]) {
  var first: UInt32 = 3
  for number in kept.sorted() where number >= 3 {
    let number = UInt32(number)
    if number > first { clinux_close_range(first, number - 1) }
    first = number + 1
  }
  clinux_close_range(first, .max)
}
