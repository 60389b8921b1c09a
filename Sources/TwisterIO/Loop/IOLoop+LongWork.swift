extension IOLoop {
    /// Places for work that takes several turns of the loop, such as compressing a long message. Each of these does a part of its
    /// work in every turn, and holds memory until it is done, so that few may be under way at once. The others wait for a place.
    package var placesForLongWork: AsyncSemaphore { local { LongWork() }.places }
}

private final class LongWork {
    let places = AsyncSemaphore(value: 8)
}
