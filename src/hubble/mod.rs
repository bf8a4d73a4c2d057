//! Hubble's messages, generated from `proto/`: the words of flows, filters and the Observer service.
//!
//! Their JSON is protobuf's with proto names: enums by name, 64 bits as text, nothing for defaults. What
//! else generated types can do is written where it belongs, such as in [`crate::flows`].

mod any;
mod delimited;
mod response;
pub mod schema;
mod timestamp;
pub mod wire;

pub use any::Any;
pub use timestamp::Timestamp;

/// All of `proto/` as a `FileDescriptorSet`, for reflection and field masks.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hubble.bin"));

/// Includes what the build has made of a package.
macro_rules! package {
    ($(#[$doc:meta])* $name:ident: $($file:literal),*) => {
        $(#[$doc])*
        #[allow(
            deprecated,
            missing_docs,
            unreachable_pub,
            unused_qualifications,
            clippy::all,
            clippy::allow_attributes_without_reason,
            clippy::clone_on_ref_ptr,
            reason = "generated"
        )]
        pub mod $name {
            $(include!(concat!(env!("OUT_DIR"), "/", $file));)*
        }
    };
}

pub(crate) use package;

package! {
    /// The flow, its parts and its filters.
    flow: "flow.rs", "lenient/flow.serde.rs", "strict/flow.serde.rs"
}

package! {
    /// The service that clients call.
    observer: "observer.rs"
}

package! {
    /// Which nodes there are.
    peer: "peer.rs"
}

package! {
    /// What a relay says about nodes.
    relay: "relay.rs", "lenient/relay.serde.rs"
}
