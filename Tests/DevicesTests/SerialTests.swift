import DeviceFakes
import Devices
import Testing

@Suite struct SerialTests {
  let line = RecordingLine()
  let host = FakeSerialHost()

  func send(_ port: Serial16550, _ text: String) {
    for byte in text.utf8 { port.writeByte(offset: 0, value: byte) }
  }

  @Test func sendsAndInterruptsWhenEmpty() {
    let port = Serial16550(host: host, line: line)
    send(port, "quiet ")
    #expect(line.take() == 0)
    port.writeByte(offset: 1, value: 0x02)
    #expect(line.take() == 1)
    #expect(port.readByte(offset: 2) == 0x02)
    #expect(port.readByte(offset: 2) == 0x01)
    // Each byte is gone at once, so each one empties the transmitter anew.
    send(port, "loud")
    #expect(line.take() == 4)
    #expect(port.readByte(offset: 5) == 0x60)
    #expect(host.text == "quiet loud")
  }

  @Test func holdsTheGuestBackWhileTheHostIsFull() {
    let host = FakeSerialHost(room: 1)
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 2, value: 0x01)
    port.writeByte(offset: 1, value: 0x02)
    _ = port.readByte(offset: 2)
    _ = line.take()
    send(port, "abc")
    #expect(host.text == "a")
    #expect(port.readByte(offset: 5) & 0x60 == 0)
    #expect(port.readByte(offset: 2) == 0xC1)
    _ = line.take()
    host.makeRoom(100)
    port.resumeTransmit()
    #expect(host.text == "abc")
    #expect(line.take() == 1)
    #expect(port.readByte(offset: 2) == 0xC2)
  }

  @Test func receivesThroughTheFIFO() {
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 2, value: 0x81)  // FIFO on, interrupt at 8 bytes
    port.writeByte(offset: 4, value: 0x02)
    port.writeByte(offset: 1, value: 0x01)
    #expect(port.receive(Array("0123456789abcdefgh".utf8)) == 16)
    #expect(line.take() == 1)
    #expect(port.readByte(offset: 2) == 0xC4)
    var text: [UInt8] = []
    while port.readByte(offset: 5) & 1 != 0 {
      text.append(port.readByte(offset: 0))
      if text.count == 9 { #expect(port.readByte(offset: 2) == 0xCC) }
    }
    #expect(text == Array("0123456789abcdef".utf8))
    #expect(host.roomReports == 1)
    #expect(port.readByte(offset: 2) == 0xC1)
    #expect(port.receive(Array("gh".utf8)) == 2)
    #expect(line.take() == 1)
    port.writeByte(offset: 2, value: 0x03)
    #expect(port.readByte(offset: 5) & 1 == 0)
  }

  /// A driver that probes the port clears what is in the FIFO: nothing may be there yet.
  @Test func keepsInputUntilTheGuestListens() {
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 2, value: 0x01)
    #expect(port.receive([1, 2, 3]) == 0)
    port.writeByte(offset: 4, value: 0x01)
    port.writeByte(offset: 1, value: 0x01)
    port.writeByte(offset: 2, value: 0x07)
    #expect(host.roomReports == 0)
    #expect(port.readByte(offset: 5) & 1 == 0)
    port.writeByte(offset: 4, value: 0x03)
    #expect(host.roomReports == 1)
    #expect(port.receive([1, 2, 3]) == 3)
    #expect(port.readByte(offset: 0) == 1)
  }

  @Test func withoutFIFOThereIsOneByte() {
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 4, value: 0x02)
    #expect(port.receive([1, 2]) == 1)
    #expect(port.readByte(offset: 0) == 1)
    #expect(host.roomReports == 1)
    #expect(port.readByte(offset: 0) == 0)
    #expect(host.roomReports == 1)
  }

  @Test func loopback() {
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 4, value: 0x1A)
    #expect(port.readByte(offset: 6) & 0xF0 == 0x90)
    send(port, "xy")
    #expect(host.text.isEmpty)
    #expect(port.readByte(offset: 5) & 0x03 == 0x03)
    #expect(port.readByte(offset: 5) & 0x02 == 0)
    #expect(port.receive([7]) == 0)
    #expect(port.readByte(offset: 0) == UInt8(ascii: "x"))
    #expect(host.roomReports == 0)
    port.writeByte(offset: 4, value: 0x02)
    #expect(host.roomReports == 1)
    port.writeByte(offset: 4, value: 0)
    #expect(port.readByte(offset: 6) & 0xF0 == 0xB0)
  }

  /// What Linux's 8250 driver looks at to tell a 16550A.
  @Test func isTakenForA16550A() {
    let port = Serial16550(host: host, line: line)
    port.writeByte(offset: 1, value: 0xFF)
    #expect(port.readByte(offset: 1) == 0x0F)
    port.writeByte(offset: 1, value: 0)
    port.writeByte(offset: 7, value: 0xA5)
    #expect(port.readByte(offset: 7) == 0xA5)
    port.writeByte(offset: 3, value: 0x83)
    port.writeByte(offset: 0, value: 0x34)
    port.writeByte(offset: 1, value: 0x12)
    #expect(port.read(offset: 0, width: .word) == 0x1234)
    port.writeByte(offset: 3, value: 0x03)
    port.writeByte(offset: 2, value: 0x21)
    #expect(port.readByte(offset: 2) >> 5 == 6)
    #expect(host.text.isEmpty)
  }

  @Test func everyRegisterTakesEveryValue() {
    let port = Serial16550(host: host, line: line)
    for value in UInt8.min...UInt8.max {
      for offset in UInt64(0)..<8 {
        port.writeByte(offset: offset, value: value)
        _ = port.receive([value, value])
        for other in UInt64(0)..<8 { _ = port.readByte(offset: other) }
      }
    }
    port.writeByte(offset: 3, value: 0)
    #expect(port.readByte(offset: 3) == 0)
  }
}
