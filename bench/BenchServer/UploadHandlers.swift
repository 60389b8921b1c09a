import Twister
import TwisterIO

/// Counts a body of any size as it arrives.
final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func put() async throws {
        var count = 0
        for try await chunk in request.bodyStream { count += chunk.count }
        try setHeader(.contentType, "text/plain")
        write("\(count)\n")
    }
}

/// Takes one piece of its body each 20 ms: a client that sends faster has to wait.
final class SlowUploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func put() async throws {
        var count = 0
        for try await chunk in request.bodyStream {
            count += chunk.count
            try await sleep(for: .milliseconds(20))
        }
        try setHeader(.contentType, "text/plain")
        write("\(count)\n")
    }
}

/// Saves the files of a form, of any size, in the folder that is its state, and tells the size of the last one.
final class UploadFormHandler: RequestHandlerWith<String> {
    override class var requestBody: RequestBodyMode { .streamed }

    override func post() async throws {
        var size = 0
        for try await part in try multipart(limits: .init(fileSize: .gibibytes(64))) where part.isFile {
            size = try await part.save(to: "\(state)/form", overwriting: true)
        }
        try setHeader(.contentType, "text/plain")
        write("\(size)\n")
    }
}

/// Saves a body of any size, as it is, in the folder that is its state, and tells its size.
final class UploadFileHandler: RequestHandlerWith<String> {
    override class var requestBody: RequestBodyMode { .streamed }

    override func put() async throws {
        let path = "\(state)/file"
        let file = try await loop.runInExecutor { try NewFile(path, overwriting: true) }
        var size = 0
        for try await chunk in request.bodyStream {
            size += chunk.count
            try await loop.runInExecutor { try file.write(chunk) }
        }
        try await loop.runInExecutor { try file.commit() }
        try setHeader(.contentType, "text/plain")
        write("\(size)\n")
    }
}
