import Testing

@testable import Boot

struct KernelCommandLineTests {
  @Test(arguments: [
    ("", "new"), ("a b", "a b new"), ("a -- b", "a new -- b"), ("-- b", "new -- b"), ("a --", "a new --"),
    ("a=\"x -- y\"", "a=\"x -- y\" new"), ("a --b", "a --b new"), ("a -- b -- c", "a new -- b -- c"),
    ("a -- \u{301}b", "a new -- \u{301}b"), ("a \u{301}-- b", "a \u{301}-- b new"),
  ])
  func addsWordsBeforeWhatIsForInit(line: String, result: String) {
    var commandLine = KernelCommandLine(line)
    #expect(commandLine.text == line)
    commandLine.append("new")
    #expect(commandLine.text == result)
  }

  @Test(arguments: [("a  ", "a"), ("\u{600} ", "\u{600}"), ("a  -- b ", "a -- b "), ("  ", "")])
  func dropsSpacesAtTheEndOfWhatTheKernelReads(line: String, result: String) {
    #expect(Array(KernelCommandLine(line).text.utf8) == Array(result.utf8))
  }
}
