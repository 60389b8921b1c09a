import FoundationEssentials
import Testing

@testable import TwisterWeb

/// SET-9, SET-10: where keys come from, and that they are not shown.
@Suite("CookieSecret")
struct CookieSecretTests {
    @Test("SET-9: empty keys are refused")
    func empty() {
        #expect(throws: CookieSecretError.emptyKey) { try CookieSecret(key: "") }
        #expect(throws: CookieSecretError.emptyKey) { try CookieSecret(key: []) }
        #expect(throws: CookieSecretError.emptyKey) { try CookieSecret(versions: [1: "a", 2: ""], current: 1) }
    }

    @Test("SET-9: an empty literal ends the program")
    func emptyLiteral() async {
        await #expect(processExitsWith: .failure) {
            let secret: CookieSecret = ""
            print(secret)
        }
    }

    @Test("SET-10: the current version has a key, and no version is negative")
    func versions() throws {
        #expect(throws: CookieSecretError.noKeyForVersion(3)) { try CookieSecret(versions: [1: "a"], current: 3) }
        #expect(throws: CookieSecretError.noKeyForVersion(0)) { try CookieSecret(versions: [:], current: 0) }
        #expect(throws: CookieSecretError.negativeKeyVersion(-1)) {
            try CookieSecret(versions: [1: "a", -1: "b"], current: 1)
        }
        #expect(try CookieSecret(versions: [1: "a", 2: "b"], current: 2).currentKeyVersion == 2)
        #expect(try CookieSecret(key: "a").currentKeyVersion == nil)
    }

    @Test("SET-9: a key from the environment is there and has 16 octets")
    func environment() throws {
        func read(_ value: String?) throws -> CookieSecret {
            try CookieSecret.fromEnvironment("KEY", value.map { ["KEY": $0] } ?? [:])
        }
        #expect(throws: CookieSecretError.missingVariable("KEY")) { try read(nil) }
        #expect(throws: CookieSecretError.shortVariable("KEY", size: 0)) { try read("") }
        #expect(throws: CookieSecretError.shortVariable("KEY", size: 15)) { try read("fifteen octets.") }
        let signed = try createSignedValue(secret: "sixteen octets..", name: "n", value: "v")
        let secret = try read("sixteen octets..")
        #expect(decodeSignedValue(secret: secret, name: "n", value: signed) == Array("v".utf8))
        let missing = "TWISTER_TESTS_DO_NOT_SET_THIS"
        #expect(throws: CookieSecretError.missingVariable(missing)) { try CookieSecret.fromEnvironment(missing) }
    }

    @Test("SET-9: the environment is that of the process")
    func processEnvironment() throws {
        let entry = ProcessInfo.processInfo.environment.first { $0.value.utf8.count >= 16 }
        let (name, value) = try #require(entry)
        let signed = try createSignedValue(secret: CookieSecret(key: value), name: "n", value: "v")
        let secret = try CookieSecret.fromEnvironment(name)
        #expect(decodeSignedValue(secret: secret, name: "n", value: signed) == Array("v".utf8))
    }

    @Test("SET-9: neither text nor dump shows a key")
    func descriptions() throws {
        for secret in ["hunter2-hunter2", try CookieSecret(versions: [7: "hunter2", 8: "hunter2+"], current: 8)]
            as [CookieSecret]
        {
            var dumped = ""
            dump(secret, to: &dumped)
            let texts = [
                dumped, "\(secret)", String(reflecting: secret), "\([secret])", String(describing: Optional(secret)),
            ]
            for text in texts {
                #expect(!text.contains("hunter2") && text.contains("CookieSecret("), "\(text)")
                #expect(!text.contains("SymmetricKey") && !text.contains("CookieKey"), "\(text)")
            }
        }
    }
}
