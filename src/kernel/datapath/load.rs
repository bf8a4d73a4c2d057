//! Loading: maps from pins, programs through the verifier.

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use aya::{
    Ebpf, EbpfLoader,
    programs::{
        CgroupSockAddr, Program, ProgramError, ProgramFd, ProgramInfo as LoadedInfo,
        SchedClassifier,
    },
};
use skep_bpf::abi::{maps, programs};

use super::{
    AttachMethod, AttachMode, LoadError, LoadOptions, ProgramInfo, TestPacket, TestRun, pins,
};
use crate::kernel::{KernelMaps, OBJECT, sys};

/// The loaded datapath. Dropping it leaves everything attached and pinned.
#[derive(Debug)]
pub struct Datapath {
    pub(super) bpf_dir: PathBuf,
    pub(super) method: AttachMethod,
    pub(super) hurried: AttachMethod,
    /// Of all else that was loaded the kernel has its own.
    programs: HashMap<&'static str, ProgramFd>,
    infos: Vec<ProgramInfo>,
    maps: Arc<KernelMaps>,
}

impl Datapath {
    /// Loads all programs; creates the pinned maps, or re-uses those of an earlier process.
    ///
    /// # Errors
    /// When the directory is not on a bpffs, or the kernel refuses a map or a program.
    pub fn open(options: &LoadOptions) -> Result<Self, LoadError> {
        pins::make_directories(&options.bpf_dir)?;
        pins::prune_links(&options.bpf_dir)?;
        let replaced = pins::retire_unfit_maps(options)?;
        let mut loader = EbpfLoader::new();
        let directory = options.bpf_dir.join(pins::MAPS);
        for name in maps::PINNED {
            loader.map_pin_path(name, directory.join(name));
            if let Some(entries) = options.max_entries(name) {
                loader.map_max_entries(name, entries);
            }
        }
        let mut object = loader.load(OBJECT).map_err(|error| LoadError::Object(Box::new(error)))?;
        let (infos, programs): (Vec<ProgramInfo>, _) = load_all(&mut object)?.into_iter().unzip();
        let programs = infos.iter().map(|info| info.name).zip::<Vec<_>>(programs).collect();
        pins::carry_over(&options.bpf_dir, &replaced)?;
        let method = match options.attach {
            AttachMode::Tcx => AttachMethod::Tcx,
            AttachMode::Clsact => AttachMethod::Clsact,
            AttachMode::Auto if sys::has_tcx() => AttachMethod::Tcx,
            AttachMode::Auto => AttachMethod::Clsact,
        };
        let hurried = match options.attach {
            AttachMode::Auto => AttachMethod::Clsact,
            AttachMode::Tcx | AttachMode::Clsact => method,
        };
        let maps = Arc::new(KernelMaps::open(&options.bpf_dir)?);
        Ok(Self { bpf_dir: options.bpf_dir.clone(), method, hurried, programs, infos, maps })
    }

    /// Returns the pinned maps.
    pub fn maps(&self) -> Arc<KernelMaps> {
        Arc::clone(&self.maps)
    }

    /// Returns the directory of the pins.
    pub fn bpf_dir(&self) -> &Path {
        &self.bpf_dir
    }

    /// Returns how programs get onto devices.
    pub fn method(&self) -> AttachMethod {
        self.method
    }

    /// Returns the loaded programs.
    pub fn programs(&self) -> Vec<ProgramInfo> {
        self.infos.clone()
    }

    /// Runs a program on a packet (BPF_PROG_TEST_RUN).
    ///
    /// # Errors
    /// When there is no such program, or the kernel refuses the packet.
    pub fn test_run(&self, program: &str, packet: &TestPacket) -> std::io::Result<TestRun> {
        let fd = self.program_fd(program).ok_or(std::io::ErrorKind::NotFound)?;
        let (verdict, data, nanos) = sys::test_run(fd, packet)?;
        Ok(TestRun { verdict, data, duration: Duration::from_nanos(nanos.into()) })
    }

    pub(super) fn program_fd(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.programs.get(name).map(AsFd::as_fd)
    }

    pub(super) fn is_own(&self, program_id: u32) -> bool {
        self.infos.iter().any(|info| info.id == program_id)
    }
}

/// Loads the programs side by side: the verifier takes most of the time, and it takes no lock for
/// privileged callers.
fn load_all(object: &mut Ebpf) -> Result<Vec<(ProgramInfo, ProgramFd)>, LoadError> {
    let mut found: HashMap<&'static str, &mut Program> = object
        .programs_mut()
        .filter_map(|(name, program)| Some((*all().find(|known| **known == name)?, program)))
        .collect();
    thread::scope(|scope| {
        let threads: Vec<_> = all()
            .map(|name| {
                let program = found.remove(name).ok_or(LoadError::MissingProgram { name })?;
                Ok(scope.spawn(move || load(name, program)))
            })
            .collect::<Result<_, LoadError>>()?;
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn all() -> impl Iterator<Item = &'static &'static str> {
    programs::PACKETS.iter().chain(&programs::SOCKETS)
}

fn load(name: &'static str, program: &mut Program) -> Result<(ProgramInfo, ProgramFd), LoadError> {
    let refused = |error| LoadError::Program { name, source: Box::new(error) };
    let info = match &mut *program {
        Program::CgroupSockAddr(program) => load_socket(program),
        other => load_packet(other),
    }
    .map_err(refused)?;
    let fd = program.fd().and_then(|fd| Ok(fd.try_clone()?)).map_err(refused)?;
    let info = ProgramInfo {
        name,
        id: info.id(),
        verified_instructions: info.verified_instruction_count().unwrap_or_default(),
        // An eBPF instruction has eight bytes.
        instructions: info.size_translated().unwrap_or_default() / 8,
        map_ids: info.map_ids().map_err(refused)?.unwrap_or_default(),
    };
    Ok((info, fd))
}

fn load_packet(program: &mut Program) -> Result<LoadedInfo, ProgramError> {
    let program: &mut SchedClassifier = program.try_into()?;
    program.load()?;
    program.info()
}

fn load_socket(program: &mut CgroupSockAddr) -> Result<LoadedInfo, ProgramError> {
    program.load()?;
    program.info()
}
