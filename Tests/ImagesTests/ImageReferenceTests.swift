import Configuration
import Images
import Testing

struct ImageReferenceTests {
  @Test(arguments: [
    ("./rootfs", ImageReference.path("./rootfs")), ("/abs", .path("/abs")), ("alpine:3", .path("alpine:3")),
    ("disk.ext4", .path("disk.ext4")), ("oci:layout", .layout("layout", tag: nil)),
    ("oci:/a/b:v1.2", .layout("/a/b", tag: "v1.2")),
    ("oci:b:host:5000/n:t", .layout("b", tag: "host:5000/n:t")),
    ("oci-archive:x.tar", .layoutArchive("x.tar", tag: nil)),
    ("docker-archive:x.tar:busybox:1", .dockerArchive("x.tar", name: "busybox:1")),
    ("docker://debian:12", .registry("debian:12")),
    ("docker://[::1]:5000/a@sha256:00", .registry("[::1]:5000/a@sha256:00")),
  ])
  func isRead(_ text: String, _ reference: ImageReference) throws {
    #expect(try ImageReference(parsing: text) == reference)
    #expect(reference.description == text)
  }

  @Test(arguments: [
    "", "oci:", "oci::tag", "oci:dir:", "docker:debian", "docker://", "docker://-o", "docker://a b",
    "docker-daemon:a", "containers-storage:x", "https://x/y.tar", "docker-archive:", "oci-archive::", "a\0b",
  ])
  func isRefused(_ text: String) {
    let error = #expect(throws: Diagnostic.self) { try ImageReference(parsing: text) }
    #expect(error?.status == .usage)
  }

  @Test func portsAreRead() {
    #expect(ExposedPort("80/tcp") == ExposedPort(number: 80, transport: .tcp))
    #expect(ExposedPort("53/udp")?.description == "53/udp")
    #expect(ExposedPort("80")?.description == "80/tcp")
    for text in ["", "0/tcp", "65536/tcp", "80/", "80/icmp", "80/tcp/x", "-1", "8000-8010/tcp"] {
      #expect(ExposedPort(text) == nil, "\(text)")
    }
  }
}
