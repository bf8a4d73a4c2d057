//! Values of filter flags.

use super::expand::InvalidTerm;
use crate::{
    hubble::flow::{
        CiliumEventType, DropReason, EventTypeFilter, HttpHeader, IpVersion, TcpFlags,
        TrafficDirection, Verdict, Workload,
    },
    model::Identity,
};

pub(super) fn wrong(value: &str, expected: &'static str) -> InvalidTerm {
    InvalidTerm::Value { value: value.to_owned(), expected }
}

pub(super) fn identity(text: &str) -> Result<u32, InvalidTerm> {
    let number = text.parse().ok().or_else(|| Identity::named(text).map(|identity| identity.0));
    number.ok_or_else(|| wrong(text, "an identity: a number, or a name such as host or world-ipv4"))
}

pub(super) fn workload(text: &str) -> Result<Workload, InvalidTerm> {
    let (kind, name) = text.split_once('/').unwrap_or(("", text));
    if kind.is_empty() && name.is_empty() {
        return Err(wrong(text, "a workload: [KIND/]NAME"));
    }
    Ok(Workload { name: name.to_owned(), kind: kind.to_owned() })
}

/// As `KEY:VALUE`; spaces before the value do not count, as in HTTP.
pub(super) fn header(text: &str) -> Result<HttpHeader, InvalidTerm> {
    let (key, value) =
        text.split_once(':').ok_or_else(|| wrong(text, "a header such as Host:example.com"))?;
    Ok(HttpHeader { key: key.trim().to_owned(), value: value.trim().to_owned() })
}

pub(super) fn ip_version(text: &str) -> Result<IpVersion, InvalidTerm> {
    match text.to_ascii_lowercase().as_str() {
        "v4" | "4" | "ipv4" => Ok(IpVersion::IPv4),
        "v6" | "6" | "ipv6" => Ok(IpVersion::IPv6),
        "none" => Ok(IpVersion::IpNotUsed),
        _ => Err(wrong(text, "v4, v6 or none")),
    }
}

pub(super) fn verdict(text: &str) -> Result<Verdict, InvalidTerm> {
    Verdict::from_str_name(&text.to_uppercase()).ok_or_else(|| {
        wrong(text, "a verdict: FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED or TRANSLATED")
    })
}

pub(super) fn reason(text: &str) -> Result<DropReason, InvalidTerm> {
    let found = DropReason::from_str_name(&text.to_uppercase());
    found.ok_or_else(|| wrong(text, "a drop reason such as POLICY_DENIED"))
}

/// Hubble's names and numbers.
pub(super) fn event_type(text: &str) -> Result<EventTypeFilter, InvalidTerm> {
    let (name, sub_name) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
    let unknown =
        || wrong(text, "a type: drop, trace, policy-verdict, or trace:to-endpoint and so on");
    let kind = match name {
        "drop" => CiliumEventType::DROP,
        "debug" => 2,
        "capture" => 3,
        "trace" => CiliumEventType::TRACE,
        "policy-verdict" => CiliumEventType::POLICY_VERDICT,
        "trace-sock" => 7,
        "l7" => CiliumEventType::L7,
        "agent" => 130,
        number => number.parse().map_err(|_| unknown())?,
    };
    let sub_type = match (kind, sub_name) {
        (_, None) => None,
        (CiliumEventType::TRACE, Some(point)) => {
            let mut points = CiliumEventType::TRACE_POINTS.into_iter();
            let found = points.find(|(_, name)| *name == point).map(|(code, _)| code);
            Some(found.ok_or_else(unknown)?)
        }
        (CiliumEventType::DROP, Some(reason)) => {
            let found = DropReason::from_str_name(&reason.to_uppercase());
            Some(found.ok_or_else(unknown)?.into())
        }
        (_, Some(number)) => Some(number.parse().map_err(|_| unknown())?),
    };
    Ok(EventTypeFilter {
        r#type: kind,
        match_sub_type: sub_type.is_some(),
        sub_type: sub_type.unwrap_or_default(),
    })
}

pub(super) fn tcp_flags(text: &str) -> Result<TcpFlags, InvalidTerm> {
    let mut flags = TcpFlags::default();
    for name in text.split(',') {
        let flag = match name.trim().to_ascii_uppercase().as_str() {
            "FIN" => &mut flags.fin,
            "SYN" => &mut flags.syn,
            "RST" => &mut flags.rst,
            "PSH" => &mut flags.psh,
            "ACK" => &mut flags.ack,
            "URG" => &mut flags.urg,
            "ECE" => &mut flags.ece,
            "CWR" => &mut flags.cwr,
            "NS" => &mut flags.ns,
            _ => return Err(wrong(text, "a list of TCP flags such as SYN,ACK")),
        };
        *flag = true;
    }
    Ok(flags)
}

pub(super) fn direction(text: &str) -> Result<TrafficDirection, InvalidTerm> {
    match text.to_ascii_lowercase().as_str() {
        "ingress" => Ok(TrafficDirection::Ingress),
        "egress" => Ok(TrafficDirection::Egress),
        _ => Err(wrong(text, "ingress or egress")),
    }
}
