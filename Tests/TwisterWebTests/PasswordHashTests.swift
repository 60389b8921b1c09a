import Testing

@testable import TwisterWeb

@Suite("PasswordHash")
struct PasswordHashTests {
    private static let quick = PasswordHash(rounds: 16, parallelism: 1)

    @Test("a hash fits its password only; two hashes of one password differ")
    func verify() {
        for password in ["correct horse", "", "pässword", String(repeating: "x", count: 10_000), "a\0b"] {
            let hash = Self.quick.hash(password)
            #expect(PasswordHash.verify(password, hash))
            #expect(!PasswordHash.verify(password + " ", hash))
            #expect(Self.quick.hash(password) != hash)
        }
        #expect(!PasswordHash.verify("a", Self.quick.hash("a\0b")))
    }

    @Test("a hash names its parameters, with which it is verified")
    func parameters() {
        let hash = PasswordHash(rounds: 32, blockSize: 4, parallelism: 2).hash("secret")
        #expect(hash.hasPrefix("scrypt$32$4$2$"))
        #expect(PasswordHash.verify("secret", hash))
        #expect(!PasswordHash.verify("secret", hash.replacing("$32$", with: "$64$")))
        #expect(PasswordHash().hash("secret").hasPrefix("scrypt$32768$8$3$"))
    }

    @Test("a hash of another program's scrypt is verified")
    func known() {
        // Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1, dklen=32)
        let hash = "scrypt$16384$8$1$SodiumChloride$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI="
        #expect(PasswordHash.verify("pleaseletmein", hash))
        #expect(!PasswordHash.verify("pleaseletmeout", hash))
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
    func damaged(hash: String) {
        #expect(!PasswordHash.verify("", hash))
        #expect(!PasswordHash.verify("secret", hash))
    }

    private static let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
}
