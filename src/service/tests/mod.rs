//! What services come to, by the rules of the API.

mod changes;
mod claims;
mod endpoints;
mod explain;
mod frontends;
mod host_ports;
mod maglev;
mod make;
mod naive;
mod properties;
mod redirects;
mod redirects_naive;
mod refused;
mod topology;
