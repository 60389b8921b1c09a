// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target of this package is compiled the same way.
let settings: [SwiftSetting] = [
    // Calls between our async functions stay on the caller's loop: no executor hop on the request's way.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "twister",
    products: [
        .library(name: "Twister", targets: ["Twister"]),
        // For applications that want neither the command line nor the metrics of the whole.
        .library(name: "TwisterWeb", targets: ["TwisterWeb"]),
        .library(name: "TwisterTesting", targets: ["TwisterTesting"]),
        .executable(name: "twister-dev", targets: ["TwisterDev"]),
        .executable(name: "bench-server", targets: ["TwisterBenchServer"]),
        .executable(name: "loop-bench", targets: ["TwisterLoopBench"]),
        .executable(name: "EchoTCP", targets: ["TwisterEchoTCP"]),
        .executable(name: "router-bench", targets: ["TwisterRouterBench"]),
        .executable(name: "HelloWorld", targets: ["TwisterHelloWorld"]),
        .executable(name: "Blog", targets: ["TwisterBlog"]),
        .executable(name: "Chat", targets: ["TwisterChat"]),
        .executable(name: "PlainHTTP", targets: ["TwisterPlainHTTP"]),
        .executable(name: "Supermarket", targets: ["TwisterSupermarket"]),
        .executable(name: "twin", targets: ["TwisterTwin"]),
        .executable(name: "Todos", targets: ["TwisterTodos"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        // The example Blog keeps its entries in SQLite.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The names of targets begin with "Twister", because SwiftPM wants them to differ from those of all other packages that an
        // application uses, and from its own. The products of the examples have the plain names.

        // MARK: The layers, lowest first. Dependencies point down only; Tests/TwisterTests/LayerTests.swift checks that.
        .systemLibrary(
            name: "CTwisterLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .target(
            name: "CReactor", dependencies: ["CTwisterLiburing"], path: "CReactor",
            cSettings: [.define("_GNU_SOURCE")]),
        .systemLibrary(
            name: "CTwisterZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CTwisterBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(
            name: "CTwisterZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CTwisterOpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        // What the layers above compute with OpenSSL beside TLS itself: hashes, signatures, encryption.
        .target(name: "TwisterCrypto", dependencies: ["CTwisterOpenSSL"], swiftSettings: settings),
        .target(
            name: "TwisterIO",
            dependencies: ["CReactor", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .target(
            name: "TwisterCodec",
            dependencies: [.product(name: "HTTPTypes", package: "swift-http-types")],
            swiftSettings: settings),
        .target(
            name: "TwisterCompression",
            dependencies: ["CTwisterBrotli", "CTwisterZlib", "CTwisterZstd", "TwisterCodec"],
            swiftSettings: settings),
        .target(
            name: "TwisterTLS",
            dependencies: [
                "CTwisterOpenSSL", "TwisterCrypto", "TwisterIO", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "TwisterHTTP",
            dependencies: [
                "TwisterCodec", "TwisterCompression", "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .systemLibrary(
            name: "CTwisterNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(
            name: "TwisterHTTP2",
            dependencies: [
                "CTwisterNghttp2", "TwisterCodec", "TwisterHTTP", "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(name: "CTwisterMethodLookup"),
        .target(
            name: "TwisterWeb",
            dependencies: [
                "CTwisterMethodLookup", "TwisterCodec", "TwisterCompression", "TwisterCrypto", "TwisterHTTP",
                "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            swiftSettings: settings),
        .target(
            name: "TwisterWebSocket",
            dependencies: [
                "TwisterCodec", "TwisterCompression", "TwisterCrypto", "TwisterHTTP", "TwisterIO", "TwisterTLS",
                "TwisterWeb",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "TwisterMetrics",
            dependencies: [
                "TwisterCodec", "TwisterHTTP", "TwisterIO", "TwisterWeb",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),
        .target(
            name: "Twister",
            dependencies: [
                "TwisterCodec", "TwisterHTTP", "TwisterHTTP2", "TwisterIO", "TwisterMetrics", "TwisterTLS",
                "TwisterWeb", "TwisterWebSocket",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // For the tests of applications; no target of the server depends on it.
        .target(
            name: "TwisterTesting",
            dependencies: [
                "TwisterCodec", "TwisterHTTP", "TwisterIO", "TwisterWeb",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),

        // MARK: Apps
        .executableTarget(
            name: "TwisterEchoTCP",
            dependencies: ["TwisterIO", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/Examples/EchoTCP", swiftSettings: settings),
        .executableTarget(
            name: "TwisterHelloWorld", dependencies: ["Twister"], path: "Sources/Examples/HelloWorld",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterBlog",
            dependencies: [
                "Twister", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Sources/Examples/Blog", exclude: ["README.md"],
            resources: [.copy("Resources/templates"), .copy("Resources/static")], swiftSettings: settings),
        .executableTarget(
            name: "TwisterChat", dependencies: ["Twister"], path: "Sources/Examples/Chat", swiftSettings: settings),
        .executableTarget(
            name: "TwisterMetricsExample", dependencies: ["Twister"], path: "Sources/Examples/Metrics",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterPlainHTTP", dependencies: ["Twister"], path: "Sources/Examples/PlainHTTP",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterSupermarket", dependencies: ["Twister"], path: "Sources/Examples/Supermarket",
            swiftSettings: settings),
        // The Swift blocks of the guides in docs/.
        .target(name: "TwisterGuides", dependencies: ["Twister"], path: "docs/snippets", swiftSettings: settings),
        .executableTarget(
            name: "TwisterTodos", dependencies: ["Twister"], path: "Sources/Examples/Todos", exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterDev",
            dependencies: ["TwisterIO", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterBenchServer", dependencies: ["Twister"], path: "bench/BenchServer",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterLoopBench", dependencies: ["TwisterIO"], path: "bench/LoopBench",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterRouterBench", dependencies: ["TwisterWeb"], path: "bench/RouterBench",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterParserBench",
            dependencies: ["TwisterCodec", .product(name: "HTTPTypes", package: "swift-http-types")],
            path: "bench/ParserBench", swiftSettings: settings),
        .executableTarget(
            name: "TwisterCompressionBench", dependencies: ["CTwisterZlib", "TwisterCompression"],
            path: "bench/CompressionBench", swiftSettings: settings),

        // MARK: Tests, which mirror Sources
        .executableTarget(
            name: "SupervisedFixture", dependencies: ["TwisterIO"], path: "Tests/Fixtures/SupervisedFixture",
            swiftSettings: settings),
        .executableTarget(
            name: "OperatedFixture",
            dependencies: ["Twister", .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")],
            path: "Tests/Fixtures/OperatedFixture",
            swiftSettings: settings),
        .executableTarget(
            name: "DevFixture", dependencies: ["TwisterHTTP", "TwisterIO"], path: "Tests/Fixtures/DevFixture",
            swiftSettings: settings),
        .executableTarget(
            name: "TwisterTwin",
            dependencies: ["Twister", "TwisterCompression", "TwisterCrypto"],
            path: "Tests/Integration/Twin", exclude: ["differences.json", "tornado.json", "twin_app.py"],
            swiftSettings: settings),
        .testTarget(
            name: "CReactorTests", dependencies: ["CReactor", "TwisterTestSupport"], swiftSettings: settings),
        .testTarget(
            name: "TwisterIOTests",
            dependencies: ["TwisterIO", "TwisterTestSupport", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterCodecTests",
            dependencies: [
                "TwisterCodec", "TwisterTestSupport", .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .systemLibrary(
            name: "CTwisterBrotliDecoder", path: "Tests/CTwisterBrotliDecoder", pkgConfig: "libbrotlidec",
            providers: [.apt(["libbrotli-dev"])]),
        .target(
            name: "TwisterTestSupport",
            dependencies: [
                "CTwisterBrotliDecoder", "CTwisterNghttp2", "CTwisterZlib", "CTwisterZstd", "TwisterCodec",
                "TwisterHTTP", "TwisterHTTP2",
                "TwisterIO",
            ],
            path: "Tests/TwisterTestSupport", swiftSettings: settings),
        .testTarget(
            name: "TwisterCompressionTests",
            dependencies: ["TwisterCodec", "TwisterCompression", "TwisterTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterCryptoTests", dependencies: ["TwisterCrypto"], swiftSettings: settings),
        .testTarget(
            name: "TwisterTLSTests", dependencies: ["TwisterIO", "TwisterTLS", "TwisterTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterHTTPTests",
            dependencies: [
                "TwisterHTTP", "TwisterIO", "TwisterCodec", "TwisterTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterHTTP2Tests",
            dependencies: [
                "CTwisterNghttp2", "TwisterHTTP2", "TwisterHTTP", "TwisterWeb", "TwisterWebSocket", "TwisterIO",
                "TwisterCodec",
                "TwisterCompression", "TwisterTestSupport", .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterWebTests",
            dependencies: [
                "TwisterWeb", "TwisterHTTP", "TwisterCodec", "TwisterIO", "TwisterTestSupport", "TwisterTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterWebSocketTests",
            dependencies: [
                "TwisterWebSocket", "TwisterWeb", "TwisterHTTP", "TwisterTLS", "TwisterCodec", "TwisterCompression",
                "TwisterIO",
                "TwisterTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterMetricsTests",
            dependencies: [
                "TwisterMetrics", "TwisterWeb", "TwisterHTTP", "TwisterIO", "TwisterTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterTestingTests",
            dependencies: [
                "TwisterTesting", "TwisterWeb", "TwisterHTTP", "TwisterCodec", "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BlogTests", dependencies: ["TwisterBlog", "Twister", "TwisterTesting"], swiftSettings: settings),
        .testTarget(
            name: "TodosTests", dependencies: ["TwisterTodos", "TwisterTesting"], swiftSettings: settings),
        .target(
            name: "TwisterFuzz",
            dependencies: [
                "TwisterCodec", "TwisterCompression", "TwisterHTTP", "TwisterHTTP2", "TwisterIO", "TwisterTLS",
                "TwisterWeb",
                "TwisterWebSocket",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: settings),
        .testTarget(name: "FuzzTests", dependencies: ["TwisterFuzz"], swiftSettings: settings),
        .testTarget(
            name: "TwisterTests", dependencies: ["Twister", "TwisterHTTP", "TwisterIO", "TwisterTestSupport"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
