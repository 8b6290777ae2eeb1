import ArgumentParser
import Configuration
import LinuxSystem

/// What `run` and `exec` are told of a program, spelled as Docker's options. Of one that has one value, the last counts.
struct ProgramOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Set a variable of the program's environment; without a value, to what it is here. May be repeated.",
      valueName: "name[=value]"))
  var env: [String] = []

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp("The program's working directory; run makes it if it is not there.", valueName: "path")
  )
  var workdir: String?

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp(
      "Who the program runs as, by names of the image or numbers.", valueName: "user[:group]"))
  var user: String?

  @Flag(
    name: .shortAndLong, inversion: .prefixedNo, exclusivity: .chooseLast,
    help: "Standard input is the program's; without, it reads nothing.")
  var interactive = true

  @Flag(name: .shortAndLong, help: "Give the program a terminal; its standard error is in its output then.")
  var tty = false

  /// Adds it to what is asked for.
  func apply(to request: inout RunRequest) throws(Diagnostic) {
    for text in env {
      if let entry = try RunValue.environment(text) { request.environment.append(entry) }
    }
    request.directory = try workdir.map { text throws(Diagnostic) in
      try RunValue.path(text, "working directory")
    }
    request.user = user
    request.hasInput = interactive
    request.hasTerminal = tty
    if tty, interactive, !Terminal.isTerminal(0) {
      throw Diagnostic(
        .usage, "standard input is no terminal", which: "-t", mend: "leave -t out, or add --no-interactive")
    }
  }
}
