//! Ports of services as people type them.

use std::{fmt, str::FromStr};

/// A port, and its protocol if only one is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// As in Kubernetes objects.
    pub(crate) protocol: Option<&'static str>,
}

/// A text is no port of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not PORT or PORT/PROTOCOL, such as 80, 80/tcp, 53/udp or 80/sctp")]
pub(crate) struct InvalidPort;

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let (number, protocol) = match text.split_once('/') {
            Some((number, name)) => (number, Some(protocol(name).ok_or(InvalidPort)?)),
            None => (text, None),
        };
        match number.parse() {
            Ok(0) | Err(_) => Err(InvalidPort),
            Ok(number) => Ok(Self { number, protocol }),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{}/{protocol}", self.number),
            None => self.number.fmt(f),
        }
    }
}

fn protocol(name: &str) -> Option<&'static str> {
    ["TCP", "UDP", "SCTP"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{InvalidPort, Port};

    #[test]
    fn a_port_may_come_without_its_protocol() {
        assert_eq!("80".parse(), Ok(Port { number: 80, protocol: None }));
        assert_eq!("53/udp".parse(), Ok(Port { number: 53, protocol: Some("UDP") }));
        for text in ["80", "53/UDP"] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), text);
        }
        assert_eq!("53/UDP".parse(), Ok(Port { number: 53, protocol: Some("UDP") }));
        for text in ["", "0", "http", "70000", "80/icmp", "80/"] {
            assert_eq!(text.parse::<Port>(), Err(InvalidPort), "{text}");
        }
    }
}
