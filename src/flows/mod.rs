//! 6. Event + identities -> flow; the ring store, filters, counters.
