//! The portable datapath on the host: the scenarios of `tests/datapath`, and properties.

mod adopt;
mod balance;
#[path = "../../../tests/datapath/cluster.rs"]
mod cluster;
#[path = "../../../tests/datapath/frames.rs"]
mod frames;
mod native;
mod packet;
mod properties;
#[path = "../../../tests/datapath/rig.rs"]
mod rig;
#[path = "../../../tests/datapath/scenarios/mod.rs"]
mod scenarios;
mod simulation;
mod standing;

use simulation::Simulation;

all_scenarios!(Simulation::new());
