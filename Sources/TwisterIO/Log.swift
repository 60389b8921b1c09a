package import Logging

/// Three loggers, as Tornado has them, which separate the causes of log entries.
package enum Log {
    /// One line for each request. Tornado: `tornado.access`.
    package static let access = Logger(label: "twister.access")
    /// Errors in the application's own code. Tornado: `tornado.application`.
    package static let application = Logger(label: "twister.application")
    /// Errors that peers cause, and notes about the server itself. Tornado: `tornado.general`.
    package static let general = Logger(label: "twister.general")
}
