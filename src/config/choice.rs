//! Values that settings choose among.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use crate::model::Family;

/// Not one of the words that a setting knows.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a known choice")]
pub struct UnknownChoice(String);

/// Defines an enum whose values have one spelling each.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// Returns the spelling used by flags and files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(text: &str) -> Result<Self, UnknownChoice> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownChoice(text.to_owned())),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choices! {
    /// How pods of different nodes reach each other.
    Routing {
        /// Encapsulated in VXLAN.
        #[default]
        Vxlan = "vxlan",
        /// Routed by the underlay.
        Native = "native",
    }
}

choices! {
    /// The address families of pods.
    IpFamilies {
        /// IPv4 only.
        V4 = "ipv4",
        /// IPv6 only.
        V6 = "ipv6",
        /// Both.
        #[default]
        Dual = "dual",
    }
}

choices! {
    /// When pods are isolated.
    Enforcement {
        /// By a policy that selects them.
        #[default]
        Default = "default",
        /// Always.
        Always = "always",
        /// Never: no policy counts.
        Never = "never",
    }
}

choices! {
    /// Whose reading of policies counts where Cilium's differs from the text of the Kubernetes API.
    PolicyCompat {
        /// That of the text.
        #[default]
        Kubernetes = "kubernetes",
        /// Cilium's.
        Cilium = "cilium",
    }
}

choices! {
    /// How programs are attached to devices.
    Attach {
        /// TCX where the kernel has it, else clsact.
        #[default]
        Auto = "auto",
        /// TCX (kernel 6.6 and later).
        Tcx = "tcx",
        /// A clsact qdisc with a direct-action filter.
        Clsact = "clsact",
    }
}

impl IpFamilies {
    /// Tells whether pods have addresses of this family.
    pub const fn has(self, family: Family) -> bool {
        matches!((self, family), (Self::Dual, _) | (Self::V4, Family::V4) | (Self::V6, Family::V6))
    }
}

/// Whose connections to services are balanced when they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CgroupRoot {
    /// Those of all processes of this host.
    #[default]
    Auto,
    /// Nobody's.
    Off,
    /// Those of processes in this control group and below.
    Group(PathBuf),
}

impl FromStr for CgroupRoot {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            path if path.starts_with('/') => Ok(Self::Group(path.into())),
            other => Err(UnknownChoice(other.to_owned())),
        }
    }
}

/// The devices that lead to the underlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// Those that carry the node's addresses or a default route, and other network cards with addresses.
    #[default]
    Auto,
    /// Exactly these.
    Names(Vec<String>),
}

impl FromStr for Devices {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self::Names(names.map(str::to_owned).collect()))
    }
}

/// An inclusive range of ports, written `61000-65535`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port, never 0.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl FromStr for PortRange {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        let unknown = || UnknownChoice(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(unknown)?;
        let range = Self {
            first: first.trim().parse().map_err(|_| unknown())?,
            last: last.trim().parse().map_err(|_| unknown())?,
        };
        if range.first == 0 || range.first > range.last { Err(unknown()) } else { Ok(range) }
    }
}
