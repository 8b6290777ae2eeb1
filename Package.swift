// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode, warnings are errors, imports say what they re-export.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Targets that may not touch memory by pointer: the compiler refuses an unmarked unsafe use in them.
let safe = strict + [.strictMemorySafety()]

let package = Package(
  name: "swiftlet",
  products: [
    .executable(name: "swiftlet", targets: ["swiftlet"]),
    .executable(name: "swiftlet-vmm", targets: ["swiftlet-vmm"]),
    .executable(name: "swiftlet-bench", targets: ["swiftlet-bench"]),
    .library(name: "Machine", targets: ["Machine"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C module maps: no code of ours beyond static inline accessors for what Swift cannot import.
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .systemLibrary(name: "CKVM", path: "Sources/CKVM"),
    .systemLibrary(name: "CFDT", path: "Sources/CFDT", providers: [.apt(["libfdt-dev"])]),
    .systemLibrary(
      name: "CCompression", path: "Sources/CCompression",
      providers: [.apt(["zlib1g-dev", "liblz4-dev", "libzstd-dev", "liblzma-dev", "libbz2-dev"])]),

    .systemLibrary(name: "CURing", path: "Sources/CURing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(name: "CNettle", path: "Sources/CNettle", providers: [.apt(["nettle-dev"])]),
    .systemLibrary(
      name: "CArchive", path: "Sources/CArchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CSeccomp", path: "Sources/CSeccomp", providers: [.apt(["libseccomp-dev"])]),

    // The monitor. Imports point down only.
    .target(name: "LinuxSystem", dependencies: ["CLinux", "CURing"], swiftSettings: strict),
    .target(name: "GuestMemory", dependencies: ["LinuxSystem", "CLinux"], swiftSettings: strict),
    .target(name: "Boot", dependencies: ["GuestMemory", "CFDT"], swiftSettings: safe),
    .target(name: "Devices", dependencies: ["GuestMemory", "LinuxSystem"], swiftSettings: safe),
    .target(name: "Backends", dependencies: ["Devices", "GuestMemory", "LinuxSystem"], swiftSettings: safe),
    .target(
      name: "KVM", dependencies: ["CKVM", "CLinux", "GuestMemory", "LinuxSystem"], swiftSettings: strict),
    .target(
      name: "HostProfile", dependencies: ["CKVM", "KVM", "GuestMemory", "LinuxSystem"], swiftSettings: safe),
    .target(name: "Configuration", swiftSettings: safe),
    // Compiled into the guest's agent as well, in Embedded Swift.
    .target(name: "AgentProtocol", swiftSettings: safe),
    .target(name: "Confinement", dependencies: ["Configuration", "LinuxSystem"], swiftSettings: safe),
    .target(
      name: "Machine",
      dependencies: [
        "Boot", "Devices", "Backends", "CKVM", "KVM", "HostProfile", "Configuration", "Confinement",
        "GuestMemory", "LinuxSystem",
      ],
      swiftSettings: safe),
    .executableTarget(
      name: "swiftlet-vmm", dependencies: ["Machine", "Configuration", "LinuxSystem"], swiftSettings: strict),

    // What a person types, and the tools around the monitor.
    .target(name: "Digests", dependencies: ["CNettle"], swiftSettings: strict),
    .target(
      name: "KernelImages",
      dependencies: ["Boot", "CCompression", "Configuration", "Digests", "LinuxSystem"],
      swiftSettings: strict),
    .target(
      name: "Images", dependencies: ["CArchive", "Configuration", "Digests", "LinuxSystem"],
      swiftSettings: safe),
    .executableTarget(
      name: "swiftlet",
      dependencies: [
        "AgentProtocol", "Configuration", "HostProfile", "Images", "KernelImages", "LinuxSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // Makes the table of system calls' filters in Confinement.
    .executableTarget(
      name: "confinement-filters", dependencies: ["CKVM", "CLinux", "CSeccomp", "LinuxSystem"],
      swiftSettings: strict),

    .systemLibrary(name: "CBench", path: "Sources/CBench"),
    // `swiftlet bench`: how programs are measured, what that says, and how it is told. Knows nothing of KVM.
    .target(name: "Bench", dependencies: ["Configuration", "LinuxSystem"], swiftSettings: strict),
    .executableTarget(
      name: "swiftlet-bench",
      dependencies: [
        "Backends", "Bench", "CBench", "Configuration", "DeviceFakes", "Devices", "Digests", "GuestMemory",
        "KernelImages", "LinuxSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["Bench", "Browser", "Configuration", "LinuxSystem"],
      swiftSettings: strict),

    // The benchmarks of the machine's parts.
    .target(
      name: "BenchSupport", dependencies: ["Bench", "Configuration", "LinuxSystem"],
      path: "Benchmarks/Support",
      swiftSettings: strict),
    .executableTarget(
      name: "bench-core",
      dependencies: [
        "Bench", "BenchSupport", "Configuration", "LinuxSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Core", swiftSettings: strict),
    .executableTarget(
      name: "bench-run",
      dependencies: [
        "Bench", "BenchSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Run", swiftSettings: strict),

    .testTarget(
      name: "KernelImagesTests", dependencies: ["KernelImages", "Boot", "Configuration", "LinuxSystem"],
      swiftSettings: strict),
    .testTarget(name: "DigestsTests", dependencies: ["Digests"], swiftSettings: strict),
    .testTarget(
      name: "ImagesTests",
      dependencies: ["ArchiveFakes", "CLinux", "Images", "Configuration", "Digests", "LinuxSystem"],
      swiftSettings: strict),
    .testTarget(
      name: "SwiftletTests",
      dependencies: [
        "swiftlet", "AgentProtocol", "CLinux", "Configuration", "Images", "LinuxSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
    .testTarget(
      name: "GuestMemoryTests", dependencies: ["GuestMemory", "LinuxSystem"], swiftSettings: strict),
    .testTarget(
      name: "GuestTests",
      dependencies: ["ArchiveFakes", "Browser", "swiftlet", "swiftlet-bench", "swiftlet-vmm"],
      exclude: ["AllocationCounter", "Injector"],
      swiftSettings: strict),
  ]
)

package.targets += [
  // Archives made for tests, of what no program would write too.
  .target(name: "ArchiveFakes", path: "Tests/ArchiveFakes", swiftSettings: strict),
  // What a browser makes of a page.
  .target(name: "Browser", dependencies: ["Bench"], path: "Tests/Browser", swiftSettings: strict),
  // Drivers and backends made for tests: of the devices, and of the fuzz targets.
  .target(
    name: "DeviceFakes", dependencies: ["Devices", "GuestMemory", "LinuxSystem"], path: "Tests/DeviceFakes",
    swiftSettings: strict),
  .testTarget(
    name: "DevicesTests", dependencies: ["DeviceFakes", "Devices", "GuestMemory"], swiftSettings: strict),
]

package.targets.append(
  .testTarget(
    name: "ConfinementTests",
    dependencies: ["CLinux", "Confinement", "confinement-filters", "CSeccomp", "LinuxSystem"],
    swiftSettings: strict))

package.targets.append(
  .testTarget(
    name: "BootTests", dependencies: ["Boot", "GuestMemory", "LinuxSystem"], swiftSettings: strict))

package.targets.append(
  .testTarget(
    name: "HostProfileTests", dependencies: ["HostProfile", "GuestMemory", "KVM"], swiftSettings: strict))

package.targets.append(
  .testTarget(
    name: "BackendsTests", dependencies: ["Backends", "Devices", "GuestMemory", "LinuxSystem"],
    swiftSettings: strict))

/// What the fuzz targets hand their bytes to.
let fuzzed: [Target.Dependency] = [
  "AgentProtocol", "DeviceFakes", "Backends", "Boot", "Configuration", "Devices", "Digests", "GuestMemory",
  "HostProfile", "Images", "KernelImages", "LinuxSystem", "swiftlet",
]

if Context.environment["SWIFTLET_FUZZ"] == nil {
  package.targets.append(
    .testTarget(
      name: "FuzzReplayTests", dependencies: fuzzed, path: "Fuzz", exclude: ["Corpora", "Program", "run"],
      sources: ["Targets", "Replay"], swiftSettings: strict))
} else {
  // For Fuzz/run: the targets as a program around libFuzzer. Programs cannot be linked into another, so the command is
  // a library here, and its main function has another name.
  let command = package.targets.first { $0.name == "swiftlet" }
  package.targets.removeAll { $0.name == "swiftlet" || $0.type == .test }
  package.products = []
  package.targets += [
    .target(
      name: "swiftlet", dependencies: command?.dependencies ?? [],
      swiftSettings: strict + [
        .unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "swiftlet_main"])
      ]),
    .executableTarget(
      name: "swiftlet-fuzz", dependencies: fuzzed, path: "Fuzz", exclude: ["Corpora", "Replay", "run"],
      sources: ["Targets", "Program"], swiftSettings: strict),
  ]
}
