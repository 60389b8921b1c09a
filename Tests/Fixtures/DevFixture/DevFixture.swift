// A server for TwisterDevTests: it serves its first argument on the sockets that it was started with, says that it is ready,
// and drains on SIGTERM. "crash at start" and "silent" do what they say; the path /crash ends the process.
import Glibc
import TwisterHTTP
import TwisterIO

@main
enum DevFixture {
    static func main() throws { try Server.run() }
}

// A type of its own, because the code of `main` belongs to the main actor, whose thread is the loop's here.
private enum Server {
    static func run() throws {
        let text = CommandLine.arguments.dropFirst().first ?? ""
        if text == "crash at start" { exit(3) }
        if text == "success" { exit(0) }
        let sockets = try ListeningSocket.inherited()
        let loop = try IOLoop()
        try loop.runSync { try await serve(text, sockets, loop) }
    }

    private static func serve(_ text: String, _ sockets: [ListeningSocket], _ loop: IOLoop) async throws {
        let server = HTTPServer(loop) { request in
            if request.path == "/crash" { abort() }
            if request.path == "/slow" {
                print("slow begins")
                fflush(nil)
                try await request.connection.loop.sleep(for: .milliseconds(300))
            }
            request.connection.write(text)
        }
        let ending = AsyncEvent()
        try loop.addSignalHandler(SIGTERM) { ending.set() }
        try server.addSockets(sockets)
        if text != "silent", let ready = getenv("TWISTER_READY_FD").flatMap({ CInt(String(cString: $0)) }) {
            var byte: UInt8 = 1
            write(ready, &byte, 1)
            close(ready)
        }
        try await ending.wait()
        server.stop()
        // The requests of connections that were accepted just before are on their way.
        try await loop.sleep(for: .milliseconds(250))
        _ = await server.shutdown(deadline: .seconds(5))
    }
}
