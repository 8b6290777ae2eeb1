import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// What an image says of the programs in it.
struct ImageConfig: Equatable {
  var entrypoint: [String] = []
  var command: [String] = []
  var environment: [String] = []
  var workingDirectory = ""
  var user = ""
}

/// An image as a machine can have it: one file system in one file, and what the image says of running it.
struct RunnableImage {
  let path: String
  let root: SetupRequest.Root
  var config = ImageConfig()
}

/// Where images come from.
enum ImageSource {
  /// - Parameter folder: where what is made for this machine alone may be put.
  static func prepare(_ reference: String, in folder: String) throws(Diagnostic) -> RunnableImage {
    var status = stat()
    guard !reference.isEmpty, stat(reference, &status) == 0 else {
      throw Diagnostic(
        .noInput, "no such image", which: reference, mend: "name a directory or a disk image")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      return RunnableImage(path: try packed(reference, in: folder), root: .erofs)
    }
    let file = try InputFile.open(reference, "image", O_RDONLY)
    // EROFS and ext4 tell themselves by numbers near the beginning.
    if let mark = try? file.bytes(count: 4, at: 1024), mark == [0xe2, 0xe1, 0xf5, 0xe0] {
      return RunnableImage(path: reference, root: .erofs)
    }
    if let mark = try? file.bytes(count: 2, at: 1080), mark == [0x53, 0xef] {
      return RunnableImage(path: reference, root: .ext4)
    }
    throw Diagnostic(
      .badInput, "not an image", which: reference,
      mend: "give a directory, or a disk image with EROFS or ext4")
  }

  private static func packed(_ directory: String, in folder: String) throws(Diagnostic) -> String {
    guard let program = Installation.program("mkfs.erofs") else {
      throw Diagnostic(
        .noInput, "cannot find mkfs.erofs, which a directory needs", which: directory,
        mend: "install it (Debian: apt-get install erofs-utils)")
    }
    let path = "\(folder)/image.erofs"
    do throws(SystemError) {
      let child = try ChildProcess(
        program, arguments: ["-d0", path, directory], lending: FileDescriptor(opening: "/dev/null", O_RDONLY))
      let result = child.finish(within: 600_000)
      if result.isSuccess { return path }
      let reason = result.errors.split(separator: "\n").last.map(String.init) ?? "it says nothing"
      throw SystemError(call: reason, code: 0)
    } catch {
      throw Diagnostic(
        .hostResource, "cannot make an image of the directory", which: directory, mend: error.call)
    }
  }
}
