// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "app",
    dependencies: [
        .package(name: "twister", path: "../twister")
    ],
    targets: [
        .executableTarget(
            name: "App",
            dependencies: [.product(name: "Twister", package: "twister")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
    ]
)
