//! What each hook does with a packet, from its first byte to an [`Action`](crate::door::Action).

mod arrive;
mod from_netdev;
mod from_overlay;
mod from_pod;
mod icmp;
mod own;
mod relay;
mod standing;
mod to_netdev;
mod to_overlay;
mod to_pod;

pub use from_netdev::from_netdev;
pub use from_overlay::from_overlay;
pub use from_pod::from_pod;
pub use to_netdev::to_netdev;
pub use to_overlay::to_overlay;
pub use to_pod::to_pod;
