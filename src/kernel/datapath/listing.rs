//! What is attached, asked from the kernel.

use std::collections::{BTreeSet, HashMap};

use skep_bpf::abi::programs;

use super::{AttachError, AttachMethod, Attachment, Datapath, Direction, Hook, Owner};
use crate::{
    kernel::{Netlink, sys},
    model::IfIndex,
};

impl Datapath {
    /// Asks the kernel for all programs on all devices of the current network namespace, in the
    /// order in which they run.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        let netlink = Netlink::open()?;
        let mut listing = Listing {
            datapath: self,
            map_ids: self.maps().ids().map(|(_, id)| id).collect(),
            programs: HashMap::new(),
        };
        let mut found = Vec::new();
        for link in netlink.links()? {
            for direction in Direction::BOTH {
                for id in tcx_programs(link.index, direction)? {
                    found.push(listing.attachment(link.index, direction, AttachMethod::Tcx, id)?);
                }
                let filters = match netlink.filters(link.index, direction) {
                    Err(error) if error.is_absent() => continue,
                    other => other?,
                };
                for filter in filters {
                    let method = AttachMethod::Clsact;
                    let id = filter.program_id;
                    found.push(listing.attachment(link.index, direction, method, id)?);
                }
            }
        }
        Ok(found)
    }
}

/// A device may go, and a kernel may lack TCX; neither has programs to list.
fn tcx_programs(device: IfIndex, direction: Direction) -> Result<Vec<u32>, AttachError> {
    match sys::tcx_query(device, direction) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::EINVAL)) => {
            Ok(Vec::new())
        }
        other => other.map_err(|source| AttachError::Query { ifindex: device, source }),
    }
}

/// One program is usually on many devices; it is asked about once.
struct Listing<'a> {
    datapath: &'a Datapath,
    map_ids: BTreeSet<u32>,
    programs: HashMap<u32, sys::LoadedProgram>,
}

impl Listing<'_> {
    fn attachment(
        &mut self,
        device: IfIndex,
        direction: Direction,
        method: AttachMethod,
        id: u32,
    ) -> Result<Attachment, AttachError> {
        let program = match self.programs.get(&id) {
            Some(known) => known.clone(),
            None => {
                let program = sys::program(id)
                    .map_err(|source| AttachError::Query { ifindex: device, source })?
                    .unwrap_or_default();
                self.programs.insert(id, program.clone());
                program
            }
        };
        let shares_maps = program.map_ids.iter().any(|map| self.map_ids.contains(map));
        let owner = match (self.datapath.is_own(id), shares_maps) {
            (true, _) => Owner::Current,
            (false, true) => Owner::Previous,
            (false, false) => Owner::Foreign,
        };
        Ok(Attachment {
            ifindex: device,
            hook: hook_of(&program.name).filter(|_| owner != Owner::Foreign),
            direction,
            program_id: id,
            program_name: program.name,
            method,
            owner,
        })
    }
}

fn hook_of(program: &str) -> Option<Hook> {
    match program {
        programs::FROM_POD | programs::TO_POD => Some(Hook::Pod),
        programs::FROM_NETDEV | programs::TO_NETDEV => Some(Hook::Node),
        programs::FROM_OVERLAY | programs::TO_OVERLAY => Some(Hook::Overlay),
        _ => None,
    }
}
