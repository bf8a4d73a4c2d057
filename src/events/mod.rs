//! 5. Ring buffer bytes -> typed events.
