//! The CNI plugin, its server in the agent, IPAM and endpoint records.
