/// What a machine may be asked to be. Both programs check against these numbers and no others.
public enum Limits {
  /// Guest RAM in bytes: whole mebibytes, because a guest's map of memory is built from them.
  public static let memory: ClosedRange<UInt64> = (4 << 20)...(512 << 30)
  public static let memoryGranule: UInt64 = 1 << 20
  /// Processors: local APIC identifiers are one byte, 255 means all of them and one is the I/O APIC's.
  /// The host's own limit may be lower and is checked by the monitor.
  public static let cpus: ClosedRange<Int> = 1...254
  /// Virtio devices of every kind: there is a virtio-mmio window for each.
  public static let devices = 17
  /// Disks: all windows, less one for the console and one for entropy.
  public static let disks = 15
  /// Bytes of a disk identifier (virtio 1.2, 5.2.6: the answer to VIRTIO_BLK_T_GET_ID).
  public static let diskIdentifierBytes = 20
  /// Bytes of a path, without the terminating zero (PATH_MAX is 4096 with it).
  public static let pathBytes = 4095
  /// Bytes of a Unix socket's path (unix(7)), without the terminating zero.
  public static let unixPathBytes = 107
  /// Those, less the bytes of `_` and a port number.
  public static let socketPathBytes = unixPathBytes - 11
  /// Named ports: a device has at most 64 queues here, two for each port, the console and control among them.
  public static let ports = 30
  /// Bytes of a port's name.
  public static let portNameBytes = 64
  /// Addresses a guest can have on its virtio socket (virtio 1.2, 5.10.4): others are reserved.
  public static let guestCID: ClosedRange<UInt32> = 3...0xFFFF_FFFE
  /// Directories shared with the guest.
  public static let shares = 8
  /// Bytes of the tag of one (virtio 1.2, 5.11.4).
  public static let shareTagBytes = 36
  /// Bytes of the kernel command line. A kernel's own limit (Linux on x86: 2047) is checked at boot.
  public static let commandLineBytes = 4096
  /// A time limit in nanoseconds: from a millisecond to a year.
  public static let timeLimit: ClosedRange<UInt64> = 1_000_000...(365 * 86_400 * 1_000_000_000)
  /// Bytes of an encoded description: room for every disk and share with the longest path, and nothing like it again.
  public static let encodedBytes = 128 * 1024
  /// Milliseconds in which the bucket of a rate limit fills: up to a day.
  public static let refillMilliseconds: UInt64 = 86_400_000
  /// Bytes of a network interface's name (IFNAMSIZ is 16 with the terminating zero).
  public static let interfaceNameBytes = 15
  /// The largest IP packet of a network in bytes: from what every host on an IP network takes (RFC 791) on.
  public static let mtu: ClosedRange<Int> = 68...65535
  /// Seconds between two of a guest's accounts of its memory.
  public static let statisticsInterval: UInt32 = 86_400
}
