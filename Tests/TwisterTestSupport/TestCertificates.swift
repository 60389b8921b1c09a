import Glibc

/// Certificates and keys in a folder of their own, made once for the run of the tests by openssl(1).
package struct TestCertificates: Sendable {
    package let folder: String

    /// The files, by the names that the script below gives them.
    package func path(_ name: String) -> String { "\(folder)/\(name)" }

    package static let shared = TestCertificates()

    private init() {
        var template = Array("/tmp/twister-tls-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("mkdtemp: errno \(errno)") }
        folder = String(cString: made)
        let script = folder + "/make.sh"
        Self.write(Self.script, to: script)
        let status = Self.run("cd \(folder) && sh make.sh >make.log 2>&1")
        precondition(status == 0, "openssl could not make the certificates: see \(folder)/make.log")
        let folder = folder
        removedAtExit = folder
        atexit { _ = TestCertificates.run("rm -rf '\(removedAtExit)'") }
    }

    package static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { fatalError("\(path): errno \(errno)") }
        fputs(text, file)
        fclose(file)
    }

    @discardableResult
    package static func run(_ command: String) -> CInt {
        let pid = start(command)
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }

    private static func start(_ command: String) -> pid_t {
        var pid = pid_t()
        let words = ["sh", "-c", command]
        let arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let result = posix_spawn(&pid, "/bin/sh", nil, nil, arguments, environ)
        precondition(result == 0, "posix_spawn: errno \(result)")
        return pid
    }

    private static let script = """
        set -e
        newkey() { openssl ecparam -name prime256v1 -genkey -noout -out $1; }
        issue() { # NAME SUBJECT EXTENSIONS DAYS
          [ -f $1.key ] || newkey $1.key
          openssl req -new -key $1.key -subj "$2" -out $1.csr
          printf '%s\\n' "$3" >$1.ext
          openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $4 -extfile $1.ext -out $1.crt
          cat $1.crt ca.pem >$1.pem
        }
        newkey ca.key
        openssl req -x509 -new -key ca.key -subj "/CN=Test CA" -days 30 -out ca.pem \
          -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
        newkey other-ca.key
        openssl req -x509 -new -key other-ca.key -subj "/CN=Other CA" -days 30 -out other-ca.pem
        issue localhost "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1" 30
        openssl genrsa -out rsa.key 2048
        issue rsa "/CN=localhost" "subjectAltName=DNS:localhost" 30
        issue example "/CN=example" "subjectAltName=DNS:www.example.org,DNS:*.example.com" 30
        issue renewed "/CN=renewed" "subjectAltName=DNS:localhost,IP:127.0.0.1" 30
        issue alice "/CN=alice/O=Example" "subjectAltName=email:alice@example.org,URI:spiffe://example/alice" 30
        issue expired "/CN=localhost" "subjectAltName=DNS:localhost" 0
        issue server-only "/CN=server-only" "$(printf 'subjectAltName=DNS:server-only\\nextendedKeyUsage=serverAuth')" 30
        cat ca.pem localhost.crt >wrong-order.pem
        cat ca.pem other-ca.pem >both-ca.pem
        cat localhost.crt other-ca.pem >wrong-issuer.pem
        openssl ec -in localhost.key -aes128 -passout pass:secret -out encrypted.key
        openssl rand 80 >ticket.key
        openssl req -x509 -new -key other-ca.key -subj "/CN=mallory" -days 30 -out mallory.pem
        printf 'nothing' >empty.pem
        touch index.txt
        printf 'V\\t351126000000Z\\t\\t%s\\tunknown\\t/CN=localhost\\n' \
          "$(openssl x509 -in localhost.crt -noout -serial | cut -d= -f2)" >index.txt
        openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert localhost.crt \
          -respout ocsp.der -ndays 7
        """
}

/// The folder that the end of the process removes. Written once, before that.
private nonisolated(unsafe) var removedAtExit = ""
