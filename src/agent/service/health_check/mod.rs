//! `healthCheckNodePort`: load balancers ask each node whether it has endpoints of its own.
//!
//! [`answer`] says it in the words of kube-proxy, [`listen`] serves one port, and [`ports`] makes the ports
//! follow services.

mod answer;
mod listen;
mod ports;
#[cfg(test)]
mod tests;

pub(in crate::agent) use ports::serve;
