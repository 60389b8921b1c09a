import TwisterIO

/// Where a part's content comes from.
protocol PartSource: AnyObject {
    /// The loop whose executor writes files.
    var loop: IOLoop { get }

    /// The next bytes of the part with that number, nil at its end.
    ///
    /// - Throws: `FormError.partIsOver` after the next part was asked for.
    func nextContent(of number: Int, name: String) async throws -> [UInt8]?
}
