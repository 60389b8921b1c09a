import Testing

@testable import TwisterWeb

@Suite("PasswordHash")
struct PasswordHashTests {
    private static let quick = PasswordHash(rounds: 16, parallelism: 1)

    @Test("a hash fits its password only; two hashes of one password differ")
    func verify() throws {
        for password in ["correct horse", "", "pässword", String(repeating: "x", count: 10_000), "a\0b"] {
            let hash = try Self.quick.hash(password)
            #expect(try PasswordHash.verify(password, hash))
            #expect(try !PasswordHash.verify(password + " ", hash))
            #expect(try Self.quick.hash(password) != hash)
        }
        #expect(try !PasswordHash.verify("a", Self.quick.hash("a\0b")))
    }

    @Test("a hash names its parameters, with which it is verified")
    func parameters() throws {
        let hash = try PasswordHash(rounds: 32, blockSize: 4, parallelism: 2).hash("secret")
        #expect(hash.hasPrefix("scrypt$32$4$2$"))
        #expect(try PasswordHash.verify("secret", hash))
        #expect(try !PasswordHash.verify("secret", hash.replacing("$32$", with: "$64$")))
        #expect(try PasswordHash().hash("secret").hasPrefix("scrypt$32768$8$3$"))
    }

    @Test("without memory for a hash there is an error, and no answer")
    func memory() {
        #expect(throws: PasswordHashError.noMemory(bytes: 16_384)) {
            try Self.quick.key("secret", "salt", memory: 16_383)
        }
    }

    @Test("a hash of another program's scrypt is verified")
    func known() throws {
        // Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1, dklen=32)
        let hash = "scrypt$16384$8$1$SodiumChloride$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI="
        #expect(try PasswordHash.verify("pleaseletmein", hash))
        #expect(try !PasswordHash.verify("pleaseletmeout", hash))
    }

    @Test(
        "what is no hash fits no password, and takes neither memory nor time",
        arguments: [
            "", "$", "scrypt", "scrypt$16$8$1", "scrypt$$$$$", "scrypt$16$8$1$$", "scrypt$16$8$1$salt$",
            "scrypt$0$8$1$salt$",
            "scrypt$15$8$1$salt$\(key)", "scrypt$-16$8$1$salt$\(key)", "scrypt$16$-8$1$salt$\(key)",
            "scrypt$16$8$0$salt$\(key)",
            "scrypt$1099511627776$8$1$salt$\(key)", "scrypt$16$1099511627776$1$salt$\(key)",
            "scrypt$16$8$1099511627776$salt$\(key)", "scrypt$16$8$1$salt$\(key)$", "plain$16$8$1$salt$\(key)",
            "scrypt$99999999999999999999$8$1$salt$\(key)", "scrypt$4194304$8$1$salt$\(key)",
        ])
    func damaged(hash: String) throws {
        #expect(try !PasswordHash.verify("", hash))
        #expect(try !PasswordHash.verify("secret", hash))
    }

    private static let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
}
