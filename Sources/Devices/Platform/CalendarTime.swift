/// A moment in the proleptic Gregorian calendar, UTC.
struct CalendarTime: Equatable, Sendable {
  var year: Int
  /// 1...12.
  var month: Int
  /// 1...31.
  var day: Int
  /// 1 is Sunday, as clock chips count.
  var weekday: Int
  var hour: Int
  var minute: Int
  var second: Int

  /// Seconds outside the years 1970 to 9999 give the nearest moment inside.
  init(secondsSinceEpoch: Int64) {
    let lastMoment: Int64 = 253_402_300_799
    let seconds = Int(min(max(secondsSinceEpoch, 0), lastMoment))
    let days = seconds / 86_400
    let rest = seconds % 86_400
    hour = rest / 3_600
    minute = rest / 60 % 60
    second = rest % 60
    weekday = (days + 4) % 7 + 1  // 1970-01-01 was a Thursday
    // Counting years from 1 March puts the leap day last, which makes month lengths a linear formula.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  }
}
