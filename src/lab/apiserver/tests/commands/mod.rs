//! kubectl against the server: one test for each command. `make test-unit` runs them where there is a kubectl, and says so
//! where there is none.

mod access;
mod applies;
mod changes;
mod creates;
mod definitions;
mod deletes;
mod everyday;
mod reads;
mod refusals;
mod shell;
