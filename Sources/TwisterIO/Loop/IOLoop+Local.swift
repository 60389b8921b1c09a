extension IOLoop {
    /// The loop's own object of a class, made when it is first asked for: what the connections of a loop share, and no other loop
    /// sees. It lives until the loop is closed. On the loop's thread.
    package func local<Object: AnyObject>(_ make: () -> Object) -> Object {
        preconditionOnLoop()
        let key = ObjectIdentifier(Object.self)
        if let known = locals[key], let object = known as? Object { return object }
        let made = make()
        // A task that a closed loop resumes for the last time may ask, too. The loop would never release the object.
        if !isClosed { locals[key] = made }
        return made
    }
}
