//! This node's own part of the datapath: devices, settings, routes, configuration.

mod devices;
mod mac;
mod revision;
mod routes;
mod settings;

pub(super) use devices::{Devices, NodeDeviceError};
pub(super) use mac::random_mac;
pub(super) use revision::Revision;
pub(super) use revision::RevisionError;
pub(super) use routes::{RouteContext, Routes};
pub(super) use settings::{GATEWAYS, configuration, route_mtu};
