import Configuration
import Glibc
import LinuxSystem

/// Why an image cannot be had, before it is known what the person called the image.
struct ImageFault: Error, Equatable {
  let status: ExitStatus
  let what: String
  let mend: String

  init(_ status: ExitStatus, _ what: String, mend: String) {
    self.status = status
    self.what = what
    self.mend = mend
  }

  /// The image contradicts its format, or itself.
  static func bad(_ what: String) -> ImageFault {
    ImageFault(.badInput, what, mend: "copy or build it again")
  }

  /// The image asks for more than is given to any.
  static func tooMuch(_ what: String) -> ImageFault {
    ImageFault(.badInput, what, mend: "that is more than an image may have")
  }

  /// A call that concerns the image itself.
  static func unreadable(_ what: String, _ error: SystemError) -> ImageFault {
    switch error.code {
    case ENOENT, ENOTDIR: ImageFault(.badInput, "\(what) is missing", mend: "copy or build it again")
    case EACCES, EPERM: ImageFault(.noInput, "no permission for \(what)", mend: "make it readable")
    case ENODATA: .bad("\(what) is truncated")
    default:
      ImageFault(error.isShortage ? .hostResource : .noInput, "cannot read \(what)", mend: error.reason)
    }
  }

  /// A call that concerns what is kept of the image.
  static func unwritable(_ error: SystemError) -> ImageFault {
    switch error.code {
    case ENOSPC, EDQUOT:
      ImageFault(
        .hostResource, "no space for the image",
        mend: "make room, as by swiftlet images prune, or set XDG_CACHE_HOME to a folder with more")
    case EFBIG:
      ImageFault(
        .hostResource, "the image is longer than a file may be here",
        mend: "set XDG_CACHE_HOME to a folder of another file system, or raise ulimit -f")
    case EACCES, EPERM, EROFS:
      ImageFault(
        .noInput, "no permission to keep the image", mend: "set XDG_CACHE_HOME to a folder you may write to")
    default: ImageFault(.hostResource, "cannot keep the image", mend: "\(error)")
    }
  }

  func diagnostic(_ image: String) -> Diagnostic { Diagnostic(status, what, which: image, mend: mend) }
}

/// Does what concerns what is kept of the image.
func keeping<Result: ~Copyable>(
  _ body: () throws(SystemError) -> Result
) throws(ImageFault) -> Result {
  do throws(SystemError) { return try body() } catch { throw .unwritable(error) }
}
