//! What every end may say to every other one.

mod build;
mod draw;
mod item;

pub use build::Matrix;
pub use draw::{csv, dot, svg};
pub(in crate::policy) use item::join;
pub use item::{Item, RuleOf};
