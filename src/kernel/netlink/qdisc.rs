//! The netem qdisc, which loses and delays what a device sends.

use std::time::Duration;

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle, TcMessage},
};

use super::{Netlink, NetlinkError};
use crate::model::IfIndex;

const NETEM: &str = "netem";
/// `TCA_OPTIONS` of linux/rtnetlink.h.
const TCA_OPTIONS: u16 = 2;
/// Packets that may wait for their time.
const LIMIT: u32 = 10_000;
/// Nanoseconds of one tick of the kernel's packet scheduler (`PSCHED_SHIFT`).
const TICK: u128 = 64;

/// What netem does to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Disturbance {
    /// The part that is lost, from 0 to 1.
    pub loss: f64,
    /// How much later the others leave; at most four minutes.
    pub delay: Duration,
}

impl Netlink {
    /// Disturbs what a device sends, in place of any earlier disturbance.
    ///
    /// # Errors
    /// [`NetlinkError::is_absent`] when the kernel has no netem; otherwise when it refuses.
    pub fn disturb(&self, device: IfIndex, how: Disturbance) -> Result<(), NetlinkError> {
        let mut message = root(device);
        message.attributes.push(TcAttribute::Kind(NETEM.into()));
        let options = DefaultNla::new(TCA_OPTIONS, options(how));
        message.attributes.push(TcAttribute::Other(options));
        let request = RouteNetlinkMessage::NewQueueDiscipline(message);
        self.request(request, NLM_F_CREATE | NLM_F_REPLACE, || {
            format!("add the netem qdisc to device {device}")
        })
    }

    /// Ends a disturbance; none there is fine.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn calm(&self, device: IfIndex) -> Result<(), NetlinkError> {
        let request = RouteNetlinkMessage::DelQueueDiscipline(root(device));
        let removed = self.request(request, 0, || format!("remove the qdisc of device {device}"));
        match removed {
            // The kernel's own qdisc cannot be removed, and needs not.
            Err(error) if error.is_absent() || error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            other => other,
        }
    }
}

fn root(device: IfIndex) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = i32::try_from(device.0).unwrap_or(i32::MAX);
    message.header.parent = TcHandle::ROOT;
    message
}

/// `struct tc_netem_qopt` of linux/pkt_sched.h: latency, limit, loss, gap, duplicate, jitter.
fn options(how: Disturbance) -> Vec<u8> {
    let latency = u32::try_from(how.delay.as_nanos() / TICK).unwrap_or(u32::MAX);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of the range of u32"
    )]
    let loss = (how.loss.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
    [latency, LIMIT, loss, 0, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_ticks_and_losses_are_parts() {
        let how = Disturbance { loss: 0.5, delay: Duration::from_micros(64) };
        let words: Vec<u32> =
            options(how).as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word)).collect();
        assert_eq!(words, [1000, LIMIT, u32::MAX / 2, 0, 0, 0]);
    }
}
