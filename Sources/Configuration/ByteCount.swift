/// The bytes that `text` stands for: digits, then nothing, K, M, G or T, or KiB to TiB; powers of 1024.
public func byteCount(_ text: String) throws(Diagnostic) -> UInt64 {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  let shifts = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]
  guard let number = UInt64(digits), let shift = shifts[String(text.dropFirst(digits.count))],
    number <= UInt64.max >> shift
  else { throw Diagnostic(.usage, "bad size", which: text, mend: "write it like 128M, 1G or 512MiB") }
  return number << shift
}
