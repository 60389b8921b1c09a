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
        .executable(name: "bench-server", targets: ["BenchServer"]),
        .executable(name: "loop-bench", targets: ["LoopBench"]),
        .executable(name: "EchoTCP", targets: ["EchoTCP"]),
        .executable(name: "router-bench", targets: ["RouterBench"]),
        .executable(name: "HelloWorld", targets: ["HelloWorld"]),
        .executable(name: "PlainHTTP", targets: ["PlainHTTP"]),
        .executable(name: "Supermarket", targets: ["Supermarket"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // MARK: The layers, lowest first. Dependencies point down only; Tests/TwisterTests/LayerTests.swift checks that.
        .systemLibrary(
            name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .target(
            name: "CReactor", dependencies: ["CLiburing"], path: "CReactor",
            cSettings: [.define("_GNU_SOURCE")]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "TwisterCompression", dependencies: ["CZlib"], swiftSettings: settings),
        .target(
            name: "TwisterIO",
            dependencies: ["CReactor", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .target(
            name: "TwisterCodec",
            dependencies: [.product(name: "HTTPTypes", package: "swift-http-types")],
            swiftSettings: settings),
        .target(
            name: "TwisterHTTP",
            dependencies: [
                "TwisterCodec", "TwisterCompression", "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(name: "CMethodLookup"),
        .target(
            name: "TwisterWeb",
            dependencies: [
                "CMethodLookup", "TwisterCodec", "TwisterHTTP", "TwisterIO",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Twister",
            dependencies: [
                "TwisterCodec", "TwisterHTTP", "TwisterIO", "TwisterWeb",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // MARK: Apps
        .executableTarget(
            name: "EchoTCP",
            dependencies: ["TwisterIO", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/Examples/EchoTCP", swiftSettings: settings),
        .executableTarget(
            name: "HelloWorld", dependencies: ["Twister"], path: "Sources/Examples/HelloWorld",
            swiftSettings: settings),
        .executableTarget(
            name: "PlainHTTP", dependencies: ["Twister"], path: "Sources/Examples/PlainHTTP",
            swiftSettings: settings),
        .executableTarget(
            name: "Supermarket", dependencies: ["Twister"], path: "Sources/Examples/Supermarket",
            swiftSettings: settings),
        .executableTarget(
            name: "BenchServer", dependencies: ["Twister"], path: "bench/BenchServer",
            swiftSettings: settings),
        .executableTarget(
            name: "LoopBench", dependencies: ["TwisterIO"], path: "bench/LoopBench",
            swiftSettings: settings),
        .executableTarget(
            name: "RouterBench", dependencies: ["TwisterWeb"], path: "bench/RouterBench",
            swiftSettings: settings),
        .executableTarget(
            name: "ParserBench",
            dependencies: ["TwisterCodec", .product(name: "HTTPTypes", package: "swift-http-types")],
            path: "bench/ParserBench", swiftSettings: settings),

        // MARK: Tests, which mirror Sources
        .executableTarget(
            name: "SupervisedFixture", dependencies: ["TwisterIO"], path: "Tests/Fixtures/SupervisedFixture",
            swiftSettings: settings),
        .testTarget(
            name: "CReactorTests", dependencies: ["CReactor"], swiftSettings: settings),
        .testTarget(
            name: "TwisterIOTests", dependencies: ["TwisterIO", "TwisterTestSupport"], swiftSettings: settings),
        .testTarget(
            name: "TwisterCodecTests",
            dependencies: [
                "TwisterCodec", "TwisterTestSupport", .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .target(
            name: "TwisterTestSupport", dependencies: ["CZlib", "TwisterHTTP", "TwisterIO"],
            path: "Tests/TwisterTestSupport", swiftSettings: settings),
        .testTarget(
            name: "TwisterCompressionTests", dependencies: ["TwisterCompression", "TwisterTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterHTTPTests",
            dependencies: [
                "TwisterHTTP", "TwisterIO", "TwisterCodec", "TwisterTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TwisterWebTests",
            dependencies: [
                "TwisterWeb", "TwisterHTTP", "TwisterCodec", "TwisterIO", "TwisterTestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .target(
            name: "TwisterFuzz",
            dependencies: [
                "TwisterCodec", "TwisterHTTP", "TwisterIO",
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
