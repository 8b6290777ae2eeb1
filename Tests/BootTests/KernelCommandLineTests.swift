import Testing

@testable import Boot

struct KernelCommandLineTests {
  @Test(arguments: [
    ("", "new"), ("a b", "a b new"), ("a -- b", "a new -- b"), ("-- b", "new -- b"), ("a --", "a new --"),
    ("a=\"x -- y\"", "a=\"x -- y\" new"), ("a --b", "a --b new"), ("a -- b -- c", "a new -- b -- c"),
  ])
  func addsWordsBeforeWhatIsForInit(line: String, result: String) {
    var commandLine = KernelCommandLine(line)
    #expect(commandLine.text == line)
    commandLine.append("new")
    #expect(commandLine.text == result)
  }
}
