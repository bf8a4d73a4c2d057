//! A cluster in network namespaces on one machine.
