//! Records by names as text, and their way to the wire and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::{
    base::{Name, ParsedName, Rtype, Serial, Ttl, name::FromStrError},
    rdata::{A, Aaaa, AllRecordData, Cname, Ns, Ptr, Soa, Srv, Txt, ZoneRecordData},
};

/// A name on the wire.
pub(super) type WireName = Name<Vec<u8>>;
/// Record data on the wire.
pub(super) type WireData = ZoneRecordData<Vec<u8>, WireName>;

/// The type of a question, as far as these servers tell types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The canonical name.
    Cname,
    /// Name servers.
    Ns,
    /// The name of an address.
    Ptr,
    /// The start of a zone.
    Soa,
    /// Ports.
    Srv,
    /// Text.
    Txt,
    /// Something else; names have none of it.
    Other,
}

impl From<Rtype> for Kind {
    fn from(rtype: Rtype) -> Self {
        match rtype {
            Rtype::A => Self::A,
            Rtype::AAAA => Self::Aaaa,
            Rtype::CNAME => Self::Cname,
            Rtype::NS => Self::Ns,
            Rtype::PTR => Self::Ptr,
            Rtype::SOA => Self::Soa,
            Rtype::SRV => Self::Srv,
            Rtype::TXT => Self::Txt,
            _ => Self::Other,
        }
    }
}

impl Kind {
    /// Tells whether an address is of the family asked for.
    pub(crate) const fn is_of(self, address: IpAddr) -> bool {
        matches!((self, address), (Self::A, IpAddr::V4(_)) | (Self::Aaaa, IpAddr::V6(_)))
    }
}

/// What a record says. Names have no dot at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The canonical name.
    Cname(String),
    /// A name server.
    Ns(String),
    /// The name of an address.
    Ptr(String),
    /// A port, and the name of the host that has it.
    Srv(u16, String),
    /// Text.
    Txt(String),
    /// The start of a zone.
    Soa(Start),
}

/// The parts of a SOA record that differ between zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The primary name server.
    pub(crate) primary: String,
    /// The mailbox of who is responsible.
    pub(crate) mailbox: String,
    /// Grows with every change.
    pub(crate) serial: u32,
    /// How long clients may remember that a name is not there, in seconds.
    pub(crate) negative: u32,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Whose it is, in lower case and without a dot at its end.
    pub(crate) owner: String,
    /// How long it may be remembered, in seconds.
    pub(crate) ttl: u32,
    /// What it says.
    pub(crate) data: Data,
}

impl Data {
    /// Returns the data of an address.
    pub(crate) const fn address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::A(v4),
            IpAddr::V6(v6) => Self::Aaaa(v6),
        }
    }

    /// Returns the type of the record.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::Aaaa,
            Self::Cname(_) => Kind::Cname,
            Self::Ns(_) => Kind::Ns,
            Self::Ptr(_) => Kind::Ptr,
            Self::Srv(..) => Kind::Srv,
            Self::Txt(_) => Kind::Txt,
            Self::Soa(_) => Kind::Soa,
        }
    }

    pub(super) fn to_wire(&self) -> Result<WireData, FromStrError> {
        Ok(match self {
            Self::A(address) => A::new(*address).into(),
            Self::Aaaa(address) => Aaaa::new(*address).into(),
            Self::Cname(name) => Cname::new(wire_name(name)?).into(),
            Self::Ns(name) => Ns::new(wire_name(name)?).into(),
            Self::Ptr(name) => Ptr::new(wire_name(name)?).into(),
            Self::Srv(port, target) => Srv::new(0, 100, *port, wire_name(target)?).into(),
            Self::Txt(text) => {
                Txt::build_from_slice(text.as_bytes()).expect("texts are short").into()
            }
            Self::Soa(start) => Soa::new(
                wire_name(&start.primary)?,
                wire_name(&start.mailbox)?,
                Serial(start.serial),
                Ttl::from_secs(7200),
                Ttl::from_secs(1800),
                Ttl::from_secs(86_400),
                Ttl::from_secs(start.negative),
            )
            .into(),
        })
    }

    /// Reads the data of someone else's record; none for types that are of no use here.
    pub(super) fn from_wire(data: &AllRecordData<&[u8], ParsedName<&[u8]>>) -> Option<Self> {
        Some(match data {
            AllRecordData::A(a) => Self::A(a.addr()),
            AllRecordData::Aaaa(aaaa) => Self::Aaaa(aaaa.addr()),
            AllRecordData::Cname(name) => Self::Cname(text_of(name.cname())),
            AllRecordData::Ns(name) => Self::Ns(text_of(name.nsdname())),
            AllRecordData::Ptr(name) => Self::Ptr(text_of(name.ptrdname())),
            AllRecordData::Srv(srv) => Self::Srv(srv.port(), text_of(srv.target())),
            AllRecordData::Txt(text) => {
                Self::Txt(String::from_utf8_lossy(&text.text::<Vec<u8>>()).into_owned())
            }
            AllRecordData::Soa(soa) => Self::Soa(Start {
                primary: text_of(soa.mname()),
                mailbox: text_of(soa.rname()),
                serial: soa.serial().into_int(),
                negative: soa.minimum().as_secs(),
            }),
            _ => return None,
        })
    }
}

pub(super) fn wire_name(text: &str) -> Result<WireName, FromStrError> {
    Name::vec_from_str(if text.is_empty() { "." } else { text })
}

/// Returns a name in lower case and without a dot at its end.
pub(super) fn text_of(name: &impl std::fmt::Display) -> String {
    let mut text = name.to_string();
    text.make_ascii_lowercase();
    text.truncate(text.trim_end_matches('.').len());
    text
}
