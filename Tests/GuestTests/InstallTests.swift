import Foundation
import Testing

/// What `make install`, `make uninstall` and `make setup` do, with the programs built with these tests.
@Suite(.serialized)
struct InstallTests {
  private static func install(_ command: String, _ fixtures: Fixtures) throws {
    let tool = Program.package.appendingPathComponent("tools/install").path
    let result = try fixtures.run(
      "'\(tool)' \(command) \"$PWD/stage\" /opt/it '\(Program.folder.path)'")
    try #require(result.status == 0, "\(result.error)")
    #expect(result.error == "")
  }

  private static let root = "$PWD/stage/opt/it"

  @Test func whatIsInstalledIsOfRegularFilesAndIsAllRemoved() throws {
    let fixtures = try Fixtures()
    // What others have there stays, now and later; also folders in which there is nothing.
    _ = try fixtures.run(
      "mkdir -p \(Self.root)/bin \(Self.root)/share/man/man1; touch \(Self.root)/bin/other")
    try Self.install("install", fixtures)
    let found = try fixtures.run("cd \(Self.root); find . -type f | sort; find . -type l").output
    #expect(
      found.split(separator: "\n") == [
        "./bin/other", "./bin/swiftlet", "./libexec/swiftlet-bench", "./libexec/swiftlet-vmm",
        "./share/bash-completion/completions/swiftlet", "./share/fish/vendor_completions.d/swiftlet.fish",
        "./share/man/man1/swiftlet-bench.1", "./share/man/man1/swiftlet-boot.1",
        "./share/man/man1/swiftlet-doctor.1",
        "./share/man/man1/swiftlet-exec.1", "./share/man/man1/swiftlet-images.1",
        "./share/man/man1/swiftlet-inspect.1", "./share/man/man1/swiftlet-kill.1",
        "./share/man/man1/swiftlet-logs.1", "./share/man/man1/swiftlet-ps.1",
        "./share/man/man1/swiftlet-run.1", "./share/man/man1/swiftlet-stop.1", "./share/man/man1/swiftlet.1",
        "./share/swiftlet/agent/agent.cpio", "./share/swiftlet/bare/exits",
        "./share/swiftlet/bare/throughput", "./share/swiftlet/bare/twin", "./share/swiftlet/folders",
        "./share/swiftlet/kernels/smp/BUILD", "./share/swiftlet/kernels/smp/config",
        "./share/swiftlet/kernels/smp/vmlinux", "./share/swiftlet/kernels/up/BUILD",
        "./share/swiftlet/kernels/up/config", "./share/swiftlet/kernels/up/vmlinux",
        "./share/swiftlet/rootfs/initramfs.cpio", "./share/swiftlet/rootfs/root.erofs",
        "./share/swiftlet/rootfs/root.ext4", "./share/zsh/site-functions/_swiftlet",
      ])
    try Self.install("install", fixtures)
    try Self.install("uninstall", fixtures)
    let list = "cd \(Self.root); find . | sort | tr '\\n' ' '"
    let left = try fixtures.run(list).output
    #expect(left == ". ./bin ./bin/other ./share ./share/man ./share/man/man1 ")
    try Self.install("uninstall", fixtures)
    #expect(try fixtures.run(list).output == left)
  }

  @Test func nothingIsLeftWhereNothingWas() throws {
    let fixtures = try Fixtures()
    try Self.install("install", fixtures)
    // Somebody has come to use a folder that was made.
    _ = try fixtures.run("mkdir \(Self.root)/share/man/man1/theirs")
    try Self.install("install", fixtures)
    try Self.install("uninstall", fixtures)
    let left = try fixtures.run("find stage | sort | tail -n 3").output
    #expect(
      left == """
        stage/opt/it/share/man
        stage/opt/it/share/man/man1
        stage/opt/it/share/man/man1/theirs

        """)
    #expect(try fixtures.run("find stage | wc -l").output == "7\n")
    _ = try fixtures.run("rm -r stage")
    try Self.install("install", fixtures)
    try Self.install("uninstall", fixtures)
    #expect(try fixtures.run("cd stage; find . -mindepth 1").output == "./opt\n")
  }

  @Test func manualPagesAreGoodTroff() throws {
    let fixtures = try Fixtures()
    try Self.install("install", fixtures)
    let pages = "\(Self.root)/share/man/man1"
    let lint = try fixtures.run("mandoc -T lint -W error \(pages)/*.1")
    #expect(lint.status == 0, "\(lint.output)")
    /// The page's words, however its lines are broken.
    func words(_ page: String) throws -> String {
      try fixtures.run("mandoc -T ascii \(pages)/\(page) | col -bx | tr -s ' \\n' ' '").output
    }
    let boot = try words("swiftlet-boot.1")
    let told = [
      "--memory size", "--disk file[,ro][,id=name]", "One of auto, fdt, acpi, mptable.", "EXIT STATUS",
    ]
    for words in told { #expect(boot.contains(words), "\(boot)") }
    #expect(try words("swiftlet-bench.1").contains("--peer name=command line"))
    #expect(try words("swiftlet.1").contains(" 69 there is no usable /dev/kvm "))
  }

  @Test func bashCompletesCommandsAndOptions() throws {
    let fixtures = try Fixtures()
    try Self.install("install", fixtures)
    func completions(_ line: String) throws -> [Substring] {
      try fixtures.run(
        """
        cat > complete.bash <<'END'
        shopt -s extglob
        . "$1/share/bash-completion/completions/swiftlet"
        PATH=$1/bin:$PATH COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=($2)
        [[ $2 = *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _swiftlet swiftlet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        END
        bash complete.bash "\(Self.root)" '\(line)'
        """
      ).output.split(separator: "\n")
    }
    #expect(try completions("swiftlet d") == ["doctor"])
    #expect(try completions("swiftlet boot --mem") == ["--memory"])
    #expect(Set(try completions("swiftlet boot --console ")) == ["virtio", "serial", "none"])
  }

  @Test(.enabled(if: hasKVM, "/dev/kvm is not usable here"))
  func theInstalledCommandFindsItsPartsByItself() throws {
    let fixtures = try Fixtures()
    try Self.install("install", fixtures)
    // Away from the package and moved, with an empty environment.
    let away = "mkdir away; mv stage/opt/it away/moved; "
    let hello = try fixtures.run("\(away) env -i away/moved/bin/swiftlet boot --kernel hello")
    #expect(hello.output == "hello from a bare guest\n")
    #expect(hello.error == "" && hello.status == 0)
    // The time is up before Linux has got anywhere; that there is a kernel is what counts.
    for cpus in ["1", "2"] {
      let linux = try fixtures.run(
        "env -i away/moved/bin/swiftlet boot --cpus \(cpus) --time-limit 0.001 --console none")
      #expect(linux.status == 82, "\(linux.error)")
    }
    let none = try fixtures.run("rm -r away/moved/share; env -i away/moved/bin/swiftlet boot")
    #expect(none.status == 66)
    #expect(none.error.contains("no kernel"))
  }

  @Test(.enabled(if: getuid() == 0, "only root can drop privileges"))
  func settingUpNamesTheOneCommandWhereThereIsNoSudo() throws {
    let fixtures = try Fixtures()
    let setup = Program.package.appendingPathComponent("tools/setup").path
    let result = try fixtures.run(
      """
      chmod 755 .; mkdir tools; printf 'not-a-package # why\\nbash\\n' > list; chmod 644 list
      cp '\(setup)' setup; chmod 755 setup
      for tool in bash env cat sed sort dpkg-query id; do ln -s "$(command -v $tool)" tools/; done
      drop=$(command -v setpriv)
      PATH=$PWD/tools "$drop" --reuid 65534 --clear-groups bash ./setup list
      """)
    #expect(result.status == 1 && result.output == "")
    #expect(
      result.error == "setup: packages are missing; run this once as root, then try again: "
        + "apt-get install -y not-a-package\n")
    let done = try fixtures.run("echo bash > list; ./setup list")
    #expect(done.status == 0 && done.output == "" && done.error == "")
  }
}
