//! Cluster duties: identity collection, leader election.
