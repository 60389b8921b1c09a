import Testing
import TwisterCrypto

/// The functions give the results that their standards give as examples.
@Suite("Test vectors of the standards")
struct VectorTests {
    @Test("FIPS 180-4: SHA-1 and SHA-256")
    func digests() {
        #expect(Digest.sha1.hash(Array("abc".utf8)).hexadecimal == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(Digest.sha1.hash([]).hexadecimal == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            Digest.sha256.hash(Array("abc".utf8)).hexadecimal
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Digest.sha256.hash([]).hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("RFC 4231, 4.3 and 4.7; RFC 2202, 3: HMAC")
    func hmac() {
        let question = Array("what do ya want for nothing?".utf8)
        let jefe = HMACKey(Array("Jefe".utf8), .sha256)
        let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        for _ in 0..<2 { #expect(jefe.code(of: question).hexadecimal == code) }
        #expect(jefe.isCode([UInt8](hexadecimal: code), of: question))
        #expect(!jefe.isCode([UInt8](hexadecimal: code).dropLast(), of: question))
        #expect(!jefe.isCode([], of: question))
        let long = HMACKey([UInt8](repeating: 0xAA, count: 131), .sha256)
        #expect(
            long.code(of: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)).hexadecimal
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(
            HMACKey(Array("Jefe".utf8), .sha1).code(of: question).hexadecimal
                == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            HMACKey([], .sha256).code(of: []).hexadecimal
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("RFC 5869, A.3: HKDF without salt, and its second step alone")
    func hkdf() {
        let output = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        #expect(
            KeyDerivation.hkdf([UInt8](repeating: 0x0B, count: 22), info: [], count: 42).hexadecimal == output)
        let key = [UInt8](hexadecimal: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
        #expect(KeyDerivation.hkdfExpand(key, info: [], count: 42).hexadecimal == output)
    }

    @Test("RFC 7914, 12: scrypt; parameters that are not allowed give nothing")
    func scrypt() {
        func key(_ password: String, _ salt: String, _ rounds: Int, _ blockSize: Int, _ parallelism: Int) -> [UInt8]? {
            KeyDerivation.scrypt(
                Array(password.utf8), salt: Array(salt.utf8), rounds: rounds, blockSize: blockSize,
                parallelism: parallelism, maxMemory: 64 << 20, count: 64)
        }
        #expect(
            key("", "", 16, 1, 1)?.hexadecimal
                == "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        )
        #expect(
            key("pleaseletmein", "SodiumChloride", 16_384, 8, 1)?.hexadecimal
                == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        )
        for (rounds, blockSize, parallelism) in [(15, 1, 1), (0, 1, 1), (-2, 1, 1), (16, 0, 1), (1 << 20, 8, 1)] {
            #expect(key("a", "b", rounds, blockSize, parallelism) == nil)
        }
    }

    @Test("AES-256-GCM: test cases 14 to 16 of its specification; no changed bit is accepted")
    func gcm() throws {
        let zeros = AESGCM.seal(
            [UInt8](repeating: 0, count: 16), key: [UInt8](repeating: 0, count: 32),
            nonce: [UInt8](repeating: 0, count: 12),
            authenticating: [])
        #expect(zeros.hexadecimal == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
        let empty = AESGCM.seal(
            [], key: [UInt8](repeating: 0, count: 32), nonce: [UInt8](repeating: 0, count: 12), authenticating: [])
        #expect(empty.hexadecimal == "530f8afbc74536b9a963b4f1c4cb738b")

        let key = [UInt8](hexadecimal: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        let nonce = [UInt8](hexadecimal: "cafebabefacedbaddecaf888")
        let context = [UInt8](hexadecimal: "feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let plaintext = [UInt8](
            hexadecimal:
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        let message = AESGCM.seal(plaintext, key: key, nonce: nonce, authenticating: context)
        #expect(
            message.hexadecimal
                == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b")
        #expect(AESGCM.open(message, key: key, nonce: nonce, authenticating: context) == plaintext)
        for bit in 0..<message.count * 8 {
            var changed = message
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(AESGCM.open(changed, key: key, nonce: nonce, authenticating: context) == nil)
        }
        for count in 0..<message.count {
            #expect(AESGCM.open(Array(message.prefix(count)), key: key, nonce: nonce, authenticating: context) == nil)
        }
        #expect(AESGCM.open(message, key: key, nonce: nonce, authenticating: []) == nil)
        #expect(
            AESGCM.open(empty, key: [UInt8](repeating: 0, count: 32), nonce: Array(nonce), authenticating: []) == nil)
    }

    @Test("equal octets are equal")
    func equality() {
        #expect(areEqualInConstantTime([], []))
        #expect(areEqualInConstantTime([1, 2], [1, 2]))
        #expect(!areEqualInConstantTime([1, 2], [1, 3]))
        #expect(!areEqualInConstantTime([1, 2], [1, 2, 3]))
    }
}

extension Array where Element == UInt8 {
    init(hexadecimal text: String) {
        let digits = text.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    var hexadecimal: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
