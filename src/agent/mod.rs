//! The node agent: wiring only.
