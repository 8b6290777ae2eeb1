import Platform

/// A processor beside the one that began, where the monitor has given the machine two or more.
enum SecondProcessor {
  private static let commandHigh: UInt64 = 0xfee0_0310
  private static let commandLow: UInt64 = 0xfee0_0300
  private static let initialize: UInt32 = 0x4500
  private static let start: UInt32 = 0x4600

  /// Has it do `body`, with interrupts off, and sleep for good when that ends. To be called once.
  static func start(_ body: @convention(c) () -> Void) {
    let page = prepare_second_processor(body)
    store32(commandHigh, 1 << 24)
    store32(commandLow, initialize)
    store32(commandHigh, 1 << 24)
    store32(commandLow, start | page)
  }
}
