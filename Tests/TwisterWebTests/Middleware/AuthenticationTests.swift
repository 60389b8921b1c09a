import HTTPTypes
import Testing
import TwisterCodec
import TwisterTesting

@testable import TwisterWeb

private struct Account: NamedUser {
    var userName: String
    var isAdministrator: Bool
}

@Suite("BasicAuth and BearerAuth")
struct AuthenticationTests {
    private func application(_ auth: any Middleware) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/") { handler in
                    let account = handler[Account.self].map { "\($0.isAdministrator)" } ?? "none"
                    handler.write("\(handler.currentUser ?? "nobody") \(account)")
                }
            ], middleware: [auth])
    }

    private let basic = BasicAuth(realm: "Back \"stage\"") { name, password -> Account? in
        areEqualInConstantTime(password, "päss:word")
            ? Account(userName: "@" + name, isAdministrator: name == "root") : nil
    }

    @Test("X-54: BasicAuth admits users, and handlers know them")
    func basicUser() async throws {
        try await application(basic).testOnBothBackends { client async throws in
            let response = try await client.get("/", basic: ("root", "päss:word"))
            #expect(response.text == "@root true")
            #expect(try await client.get("/", basic: ("", "päss:word")).text == "@ false")
        }
    }

    @Test("X-54: BasicAuth asks for credentials (RFC 7617, 2), whatever is wrong with those that were sent")
    func basicRefusals() async throws {
        try await application(basic).testOnBothBackends { client async throws in
            let valid = String(decoding: Base64.standard.encode(Array("root:päss:word".utf8)), as: UTF8.self)
            let latin1 = String(decoding: Base64.standard.encode(Array("root:p".utf8) + [0xE4]), as: UTF8.self)
            let control = String(decoding: Base64.standard.encode(Array("ro\u{0}ot:päss:word".utf8)), as: UTF8.self)
            let noColon = String(decoding: Base64.standard.encode(Array("root".utf8)), as: UTF8.self)
            #expect(try await client.get("/", headers: [.authorization: "bAsIc   \(valid)"]).status == .ok)
            let wrong: [String] = [
                "", "Basic", "Basic ", "Basic \(valid)x", "Basic \(valid) \(valid)", "Basic \(valid),",
                "Basic\t\(valid)",
                "Basic \(valid.dropLast())", "Basic \(valid)====", "Basic \(latin1)", "Basic \(control)",
                "Basic \(noColon)", "Basic =", "Bearer \(valid)", "Basicx \(valid)", "Basic \(valid.dropLast(4))",
                "Basic " + String(repeating: "A", count: 9_000),
            ]
            for value in wrong {
                let response = try await client.get("/", headers: [.authorization: value])
                #expect(response.status == .unauthorized, "\(value.prefix(60))")
                #expect(
                    response.headers[.wwwAuthenticate] == "Basic realm=\"Back \\\"stage\\\"\", charset=\"UTF-8\"")
                #expect(!response.text.contains("stage"))
            }
            var twice: HTTPFields = [.authorization: "Basic \(valid)"]
            twice.append(HTTPField(name: .authorization, value: "Basic \(valid)"))
            #expect(try await client.get("/", headers: twice).status == .unauthorized)
            #expect(try await client.get("/").status == .unauthorized)
        }
    }

    @Test("X-54: each bit of a password counts")
    func flippedBits() throws {
        let right = Array("root:secret".utf8)
        for index in right.indices {
            for bit in 0..<8 {
                var octets = right
                octets[index] ^= 1 << bit
                let parsed = BasicAuth<String>.parse(String(decoding: Base64.standard.encode(octets), as: UTF8.self))
                #expect(parsed?.name != "root" || !areEqualInConstantTime(parsed?.password ?? "", "secret"))
            }
        }
    }

    @Test("X-54: BearerAuth admits tokens, and says what is wrong with others (RFC 6750, 3)")
    func bearer() async throws {
        let auth = BearerAuth(realm: "api") { token in areEqualInConstantTime(token, "t.o-k_e~n+/==") ? "robot" : nil }
        try await application(auth).testOnBothBackends { client async throws in
            #expect(try await client.get("/", headers: [.authorization: "BEARER t.o-k_e~n+/=="]).text == "robot none")
            for (value, status, challenge) in [
                ("Bearer wrong", 401, "Bearer realm=\"api\", error=\"invalid_token\""),
                ("Bearer", 400, "Bearer realm=\"api\", error=\"invalid_request\""),
                ("Bearer a b", 400, "Bearer realm=\"api\", error=\"invalid_request\""),
                ("Bearer a\"b", 400, "Bearer realm=\"api\", error=\"invalid_request\""),
                ("Basic abc", 401, "Bearer realm=\"api\""),
            ] {
                let response = try await client.get("/", headers: [.authorization: value])
                #expect(response.status.code == status, "\(value)")
                #expect(response.headers[.wwwAuthenticate] == challenge, "\(value)")
            }
            #expect(try await client.get("/").headers[.wwwAuthenticate] == "Bearer realm=\"api\"")
        }
    }

    @Test("X-54: credentials that are not required have to be right where they are sent")
    func optional() async throws {
        let auth = BearerAuth(realm: "api", required: false) { (token) -> String? in token == "good" ? "robot" : nil }
        try await application(auth).testOnBothBackends { client async throws in
            let anonymous = try await client.get("/")
            #expect(anonymous.text == "nobody none")
            #expect(try await client.get("/", bearer: "good").text == "robot none")
            #expect(try await client.get("/", bearer: "bad").status == .unauthorized)
        }
    }

    @Test("X-54: an error of the check is an error of the server, and admits nobody")
    func failingCheck() async throws {
        let auth = BearerAuth(realm: "api") { (_) throws -> String? in
            throw MissingSettingError(name: "a", feature: "b")
        }
        try await application(auth).testOnBothBackends { client async throws in
            #expect(try await client.get("/", bearer: "any").status == .internalServerError)
        }
    }

    @Test("X-54: secrets are equal where all of their octets are")
    func comparison() {
        #expect(areEqualInConstantTime("", ""))
        #expect(areEqualInConstantTime("secret", "secret"))
        #expect(!areEqualInConstantTime("secret", "secre"))
        #expect(!areEqualInConstantTime("secret", "secret\u{0}"))
        #expect(!areEqualInConstantTime("é", "e\u{301}"), "equal texts of other octets are other secrets")
    }
}
