//! One macro that defines an ABI struct and proves it has no padding.

/// Defines a `repr(C)` struct of integers, proves that it has no padding, and lets user space
/// read and write it as plain bytes.
macro_rules! abi_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }

        const _: () = assert!(
            core::mem::size_of::<$name>() == 0 $(+ core::mem::size_of::<$ty>())*,
            "an ABI struct has padding"
        );

        // SAFETY: `repr(C)`, `Copy`, 'static; every field is an integer, an array of integers or
        // another ABI struct, so every bit pattern is valid, and the assertion above proves that
        // there are no padding bytes.
        #[cfg(feature = "user")]
        unsafe impl aya::Pod for $name {}
    };
}

pub(super) use abi_struct;
