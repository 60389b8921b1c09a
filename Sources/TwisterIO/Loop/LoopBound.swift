/// Carries a value that belongs to a loop's thread into a task or a callback of that loop, possibly through other threads.
///
/// Sendable, because only code on the loop's thread uses the value; the compiler cannot see this.
package struct LoopBound<Value>: @unchecked Sendable {
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
