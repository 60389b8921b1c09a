import Testing
import TwisterTestSupport

@testable import TwisterIO

@Suite("AppendedFile")
struct AppendedFileTests {
    @Test("one opener at a time has the file: until it is unlocked, though references to it live on, or released")
    func oneOpener() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/file"
        var first: AppendedFile? = try AppendedFile(creating: path)
        try first?.write([1, 2, 3])
        #expect(try AppendedFile(path) == nil)
        first?.unlock()
        var second = try AppendedFile(path)
        #expect(try second?.size() == 3)
        #expect(try AppendedFile(path) == nil)
        try withExtendedLifetime(first) { try second?.write([4]) }
        first = nil
        #expect(try AppendedFile(path) == nil, "the other's lock stays")
        second = nil
        #expect(try AppendedFile(path)?.size() == 4)
        #expect(try AppendedFile(folder.path + "/missing") == nil)
    }
}
