//! The clsact qdisc and its bpf filters.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcBpfFlags, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
};

use super::{Netlink, NetlinkError};
use crate::{kernel::Direction, model::IfIndex};

const CLSACT: &str = "clsact";
const BPF: &str = "bpf";
/// All protocols, in network order as the kernel wants it.
const ALL_PROTOCOLS: u16 = 0x0003_u16.to_be();

/// Where a filter of skep sits. Priority and handle are fixed, so that the same request makes the
/// filter the first time and replaces it in place every other time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct FilterPlace {
    pub(in crate::kernel) device: IfIndex,
    pub(in crate::kernel) direction: Direction,
    pub(in crate::kernel) priority: u16,
    pub(in crate::kernel) handle: u32,
}

/// A bpf filter, as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct BpfFilter {
    pub(in crate::kernel) priority: u16,
    pub(in crate::kernel) handle: u32,
    pub(in crate::kernel) program_id: u32,
    pub(in crate::kernel) name: String,
}

impl Netlink {
    /// Adds the clsact qdisc unless it is there.
    pub(in crate::kernel) fn ensure_clsact(&self, device: IfIndex) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewQueueDiscipline(clsact(device));
        let made = self.request(message, NLM_F_CREATE | NLM_F_EXCL, || {
            format!("add the clsact qdisc to device {device}")
        });
        match made {
            Err(error) if error.is_exists() => Ok(()),
            other => other,
        }
    }

    /// Removes the clsact qdisc with everything in it.
    pub(in crate::kernel) fn remove_clsact(&self, device: IfIndex) -> Result<(), NetlinkError> {
        self.request(RouteNetlinkMessage::DelQueueDiscipline(clsact(device)), 0, || {
            format!("remove the clsact qdisc of device {device}")
        })
    }

    /// Makes or replaces a direct-action filter. Without NLM_F_EXCL an existing filter with this
    /// priority and handle gets the new program in one step; no packet passes without a program.
    pub(in crate::kernel) fn put_filter(
        &self,
        place: &FilterPlace,
        name: &str,
        program: BorrowedFd<'_>,
    ) -> Result<(), NetlinkError> {
        let program = u32::try_from(program.as_raw_fd()).expect("an open descriptor is positive");
        let mut message = filter(place);
        message.attributes.push(TcAttribute::Options(vec![
            TcOption::Bpf(TcFilterBpfOption::ProgFd(program)),
            TcOption::Bpf(TcFilterBpfOption::ProgName(name.to_owned())),
            TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
        ]));
        self.request(RouteNetlinkMessage::NewTrafficFilter(message), NLM_F_CREATE, || {
            format!("put the filter {name} on device {}", place.device)
        })
    }

    /// Removes a filter.
    pub(in crate::kernel) fn remove_filter(&self, place: &FilterPlace) -> Result<(), NetlinkError> {
        self.request(RouteNetlinkMessage::DelTrafficFilter(filter(place)), 0, || {
            format!("remove a filter from device {}", place.device)
        })
    }

    /// Returns the bpf filters of one side of a device; none where there is no clsact qdisc.
    pub(in crate::kernel) fn filters(
        &self,
        device: IfIndex,
        direction: Direction,
    ) -> Result<Vec<BpfFilter>, NetlinkError> {
        Ok(self.dump_filters(device, direction)?.iter().filter_map(bpf_filter).collect())
    }

    /// Tells whether one side of a device has filters of any kind.
    pub(in crate::kernel) fn has_filters(
        &self,
        device: IfIndex,
        direction: Direction,
    ) -> Result<bool, NetlinkError> {
        Ok(!self.dump_filters(device, direction)?.is_empty())
    }

    fn dump_filters(
        &self,
        device: IfIndex,
        direction: Direction,
    ) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        let mut message = TcMessage::default();
        message.header.index = index(device);
        message.header.parent = parent(direction);
        let request = RouteNetlinkMessage::GetTrafficFilter(message);
        match self.dump(&request, || format!("list the filters of device {device}")) {
            // There is no such qdisc.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(Vec::new()),
            other => other,
        }
    }
}

fn index(device: IfIndex) -> i32 {
    i32::try_from(device.0).unwrap_or(i32::MAX)
}

fn parent(direction: Direction) -> TcHandle {
    TcHandle {
        major: u16::MAX,
        minor: match direction {
            Direction::Ingress => TcHandle::MIN_INGRESS,
            Direction::Egress => TcHandle::MIN_EGRESS,
        },
    }
}

fn clsact(device: IfIndex) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = index(device);
    message.header.handle = TcHandle { major: u16::MAX, minor: 0 };
    message.header.parent = TcHandle::CLSACT;
    message.attributes.push(TcAttribute::Kind(CLSACT.into()));
    message
}

fn filter(place: &FilterPlace) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = index(place.device);
    message.header.parent = parent(place.direction);
    message.header.handle = place.handle.into();
    message.header.info = (u32::from(place.priority) << 16) | u32::from(ALL_PROTOCOLS);
    message.attributes.push(TcAttribute::Kind(BPF.into()));
    message
}

fn bpf_filter(message: &RouteNetlinkMessage) -> Option<BpfFilter> {
    let RouteNetlinkMessage::NewTrafficFilter(message) = message else { return None };
    let mut found = BpfFilter {
        priority: (message.header.info >> 16) as u16,
        handle: message.header.handle.into(),
        program_id: 0,
        name: String::new(),
    };
    for attribute in &message.attributes {
        let TcAttribute::Options(options) = attribute else { continue };
        for option in options {
            match option {
                TcOption::Bpf(TcFilterBpfOption::ProgId(id)) => found.program_id = *id,
                TcOption::Bpf(TcFilterBpfOption::ProgName(name)) => found.name.clone_from(name),
                _ => {}
            }
        }
    }
    // A dump also has one message per priority without a filter of its own.
    (found.program_id != 0).then_some(found)
}
