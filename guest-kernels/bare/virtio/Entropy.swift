import Platform

func checkEntropy(_ device: VirtioDevice) {
  let subject = Subject.device(device)
  guard var driver = EntropyDriver(device, wanted: usableFeatures) else {
    return Checks.expect(false, subject, "start", "the device does not come up")
  }
  let first = Arena.take(96)
  let second = Arena.take(96)
  Arena.fill(first, 96, with: 0xaa)
  let count = driver.fill(first, 64) ?? 0
  Checks.expect(count > 0 && count <= 64, subject, "fill", "no bytes, or more than asked for")
  Checks.expect(load64(first + 64), is: 0xaaaa_aaaa_aaaa_aaaa, subject, "fill-length")

  var allEqual = true
  for index in 1..<UInt64(max(count, 2)) where load8(first + index) != load8(first) { allEqual = false }
  Checks.expect(!allEqual, subject, "bytes-differ", "all bytes are equal")
  _ = driver.fill(second, 64)
  let again = load64(first) == load64(second) && load64(first + 8) == load64(second + 8)
  Checks.expect(!again, subject, "fills-differ", "the same bytes twice")

  driver.queue.begin()
  driver.queue.add(first, 16, writable: true)
  checkInterrupt(device, &driver.queue)
}
