// One import for an application: `import Twister`.
@_exported public import ArgumentParser
@_exported public import HTTPTypes
@_exported public import Logging
@_exported public import TwisterCodec
@_exported public import TwisterHTTP
@_exported public import TwisterHTTP2
@_exported public import TwisterIO
@_exported public import TwisterMetrics
@_exported public import TwisterTLS
@_exported public import TwisterWeb
@_exported public import TwisterWebSocket
