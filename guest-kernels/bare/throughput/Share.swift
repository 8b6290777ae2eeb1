import Platform

private let short: UInt32 = 4 << 10
private let long: UInt32 = 128 << 10

/// Finds, opens, reads and writes the file `shared`, of at least 128 KiB.
func measureShare(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var driver = ShareDriver(device, wanted: Feature.eventIndex) else { return false }
  let subject = Subject.device(device)
  driver.prepare(Fuse.Operation.lookUp, ShareDriver.root) { $0.put("shared\0") }
  Work.lookUp.measure(count, subject) { _ in driver.send() }
  let node = load64(driver.answer)
  let size = load64(driver.answer &+ 48)
  if size < UInt64(long) { return false }
  driver.prepare(Fuse.Operation.getAttributes, node) { writer in
    writer.put(UInt64(0))
    writer.put(UInt64(0))  // of no open file
  }
  Work.attributes.measure(count, subject) { _ in driver.send() }

  func open() -> UInt64? {
    driver.prepare(Fuse.Operation.open, node) { writer in
      writer.put(UInt32(2))  // O_RDWR
      writer.put(UInt32(0))
    }
    return driver.send() ? load64(driver.answer) : nil
  }
  Work.open.measure(count, subject) { _ in
    guard let handle = open() else { return false }
    driver.prepare(Fuse.Operation.release, node) { writer in
      writer.put(handle)
      writer.put(UInt64(0))  // flags
      writer.put(UInt64(0))  // the owner of locks
    }
    return driver.send()
  }
  guard let handle = open() else { return false }
  let data = Arena.take(UInt64(long), alignment: 4096, cleared: false)
  func measure(_ work: Work, _ operation: UInt32, _ length: UInt32) {
    let places = size / UInt64(length)
    driver.prepareTransfer(operation, node, handle: handle, length)
    work.measure(count, subject) { index in
      let offset = index % places &* UInt64(length)
      return operation == Fuse.Operation.write
        ? driver.write(at: offset, data, length) : driver.read(at: offset, data, length)
    }
  }
  measure(.fileRead, Fuse.Operation.read, short)
  measure(.longFileRead, Fuse.Operation.read, long)
  measure(.fileWrite, Fuse.Operation.write, short)
  measure(.longFileWrite, Fuse.Operation.write, long)
  return true
}
