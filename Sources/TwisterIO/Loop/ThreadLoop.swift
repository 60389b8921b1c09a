import Glibc

/// The loop of each thread, in a thread-specific slot.
enum ThreadLoop {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            // A thread that ends with a current loop lets go of it.
            guard let pointer else { return }
            Unmanaged<IOLoop>.fromOpaque(pointer).release()
        }
        precondition(result == 0, "pthread_key_create: \(result)")
        return key
    }()

    static func get() -> IOLoop? {
        guard let pointer = pthread_getspecific(key) else { return nil }
        return Unmanaged<IOLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    static func set(_ loop: IOLoop?) {
        let old = pthread_getspecific(key)
        pthread_setspecific(key, loop.map { UnsafeRawPointer(Unmanaged.passRetained($0).toOpaque()) })
        if let old { Unmanaged<IOLoop>.fromOpaque(old).release() }
    }
}
