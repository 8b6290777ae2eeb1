import Backends
import Configuration
import Devices
import LinuxSystem

extension RateGate {
  /// What a device's operations wait at, and what rings when they may go on; neither where nothing is limited.
  static func make(_ limit: RateLimit?) throws(SystemError) -> (LoopAlarm?, RateGate?) {
    guard let limit else { return (nil, nil) }
    let alarm = try LoopAlarm()
    return (alarm, RateGate(RateLimiter(limit), alarm: alarm))
  }
}

extension RateLimiter {
  init(_ limit: RateLimit) {
    self.init(
      bandwidth: limit.bandwidth.flatMap(TokenBucket.init),
      operations: limit.operations.flatMap(TokenBucket.init))
  }
}

extension TokenBucket {
  init?(_ bucket: RateLimit.Bucket) {
    self.init(
      size: bucket.size, oneTimeBurst: bucket.burst, refillTime: bucket.refillMilliseconds * 1_000_000)
  }
}
