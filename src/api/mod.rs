//! 7. What a node agent serves: the admin API on its unix socket, health, metrics.
