//! Changing objects: create, update, the patch types, delete.

mod create;
mod delete;
mod patch;
mod strategic;
mod update;

pub(super) use create::create;
pub(super) use delete::{
    DeleteOptions, Deleted, FOREGROUND, ORPHAN, Propagation, delete, delete_collection,
};
pub(super) use patch::{Patch, patch};
pub(super) use update::{Ownership, Written, modify, replace};
