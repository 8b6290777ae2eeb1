import Configuration
import Devices

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
