package import Logging

/// Three loggers that tell whose fault it is, as Tornado has them.
package enum Log {
    /// One line a request. Tornado: `tornado.access`.
    package static let access = Logger(label: "twister.access")
    /// What goes wrong in the application's own code. Tornado: `tornado.application`.
    package static let application = Logger(label: "twister.application")
    /// The peer's faults and the server's own notes. Tornado: `tornado.general`.
    package static let general = Logger(label: "twister.general")
}
