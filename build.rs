//! Builds the eBPF object (`bpf/`) for the bpf target and hands its path to the crate; makes types of
//! Hubble's messages and of OpenTelemetry's log records (`proto/`).
//!
//! Stable rustc needs `RUSTC_BOOTSTRAP=1` for `-Z build-std`; the variable is set for the child
//! only. bpf-linker brings no LLVM of its own: it loads the one of the pinned toolchain.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use prost::Message;

const LINKER_INSTALL: &str =
    "cargo install bpf-linker@0.10.3 --locked --no-default-features --features rust-llvm-22";

fn main() {
    println!("cargo:rerun-if-changed=bpf/src");
    println!("cargo:rerun-if-changed=bpf/Cargo.toml");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-env-changed=SKEP_GIT_COMMIT");
    if let Err(problem) =
        generate_messages().and_then(|()| check_tools()).and_then(|()| build_object())
    {
        for line in problem.lines() {
            println!("cargo::error={line}");
        }
        return;
    }
    println!("cargo:rustc-env=SKEP_GIT_COMMIT={}", commit());
    fix_addresses();
}

/// Gives the binary fixed addresses. Before each start of it, seventy thousand places that hold an address would be
/// filled in, and the pages they are on copied: a third of the time of a short command, and of each call of the
/// CNI plugin. Go links the field's other programs like this, too; heap, stacks and libraries keep random
/// addresses. With musl, rustc chooses the start code itself, which must fit: `.cargo/config.toml` tells it.
fn fix_addresses() {
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

/// Compiles `proto/` to types, gRPC services, protobuf's JSON mapping and a descriptor set.
fn generate_messages() -> Result<(), String> {
    const FILES: [&str; 4] =
        ["flow/flow.proto", "observer/observer.proto", "peer/peer.proto", "relay/relay.proto"];
    /// Types of Google's that have their own JSON; the wrappers are plain numbers to prost.
    const OWN: [(&str, &str); 2] = [
        (".google.protobuf.Timestamp", "crate::hubble::Timestamp"),
        (".google.protobuf.Any", "crate::hubble::Any"),
    ];
    let out_dir = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let descriptors = protox::compile(FILES, ["proto"]).map_err(|e| format!("{e:?}"))?;
    let bytes = descriptors.encode_to_vec();
    let failed = |e: std::io::Error| format!("cannot make types of proto/: {e}");
    fs::write(out_dir.join("hubble.bin"), &bytes).map_err(failed)?;

    let mut types = tonic_prost_build::configure().emit_rerun_if_changed(false);
    for (name, path) in OWN {
        types = types.extern_path(name, path);
    }
    types.compile_fds(descriptors).map_err(failed)?;
    // Apart from Hubble's: what is served is described to clients, and this is only sent.
    let logs = protox::compile(["otlp/logs.proto"], ["proto"]).map_err(|e| format!("{e:?}"))?;
    let logs_types = tonic_prost_build::configure().emit_rerun_if_changed(false);
    logs_types.compile_fds(logs).map_err(failed)?;

    // What nodes of a newer version add to flows is left out; in a filter it must not be overlooked.
    const STRICT: [&str; 2] = [".flow.FlowFilter", ".flow.EventTypeFilter"];
    let json = |strict: bool, exclude: &[&str], prefixes: &[&str], dir: &str| {
        let dir = out_dir.join(dir);
        fs::create_dir_all(&dir)?;
        let mut builder = pbjson_build::Builder::new();
        builder.register_descriptors(&bytes)?.preserve_proto_field_names().out_dir(dir);
        builder.exclude(exclude.iter().copied());
        if !strict {
            builder.ignore_unknown_fields().ignore_unknown_enum_variants();
        }
        for (name, path) in OWN {
            builder.extern_path(name, path);
        }
        builder.build(prefixes)
    };
    json(true, &[], &STRICT, "strict").map_err(failed)?;
    json(false, &STRICT, &[".flow", ".relay"], "lenient").map_err(failed)
}

/// Names the command to run when a tool is missing, before cargo's own error hides it.
fn check_tools() -> Result<(), String> {
    let linker = Command::new("bpf-linker")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !linker.is_ok_and(|status| status.success()) {
        return Err(format!(
            "bpf-linker is not on PATH; it links the eBPF programs.\nRun `make setup`, or: {LINKER_INSTALL}"
        ));
    }
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let sysroot = Command::new(&rustc)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|e| format!("cannot run {rustc}: {e}"))?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    if !Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir() {
        return Err(
            "the component rust-src is missing; the eBPF programs are built with their own `core`.\n\
             Run `make setup`, or: rustup component add rust-src --toolchain 1.95.0"
                .into(),
        );
    }
    Ok(())
}

/// Runs cargo for the bpf target and copies the object to `OUT_DIR/skep-datapath`.
fn build_object() -> Result<(), String> {
    let out_dir = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let target_dir = out_dir.join("bpf");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // bpf-linker would turn every memset of 16 bytes into a call that goes byte by byte.
        "-Clink-arg=--disable-expand-memcpy-in-order".into(),
        "-Ctarget-cpu=v3".into(),
    ];
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(&root)
        .args([
            "build",
            "--package",
            "skep-bpf",
            "--bin",
            "skep-datapath",
            "--features",
            "programs",
        ])
        .args([
            "--release",
            "--target",
            "bpfel-unknown-none",
            "-Z",
            "build-std=core",
            "--target-dir",
        ])
        .arg(&target_dir)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_PROFILE_RELEASE_DEBUG", "2")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_STRIP", "none")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        // Set for the host by cargo or clippy; they would leak into the bpf build.
        .env_remove("RUSTC")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET");
    let output =
        command.output().map_err(|e| format!("cannot run cargo for the bpf target: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "the eBPF programs did not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let object = target_dir.join("bpfel-unknown-none/release/skep-datapath");
    let bytes = fs::read(&object).map_err(|e| format!("cannot read {}: {e}", object.display()))?;
    let bytes = without_dwarf(&bytes).map_err(|e| format!("{}: {e}", object.display()))?;
    let copy = out_dir.join("skep-datapath");
    fs::write(&copy, bytes).map_err(|e| format!("cannot write {}: {e}", copy.display()))
}

/// Leaves out what only debuggers of other machines read, two thirds of the file: it would be in every agent's memory.
/// The kernel's own, BTF, stays.
fn without_dwarf(object: &[u8]) -> object::build::Result<Vec<u8>> {
    let mut builder = object::build::elf::Builder::read(object)?;
    for section in &mut builder.sections {
        section.delete =
            section.name.starts_with(b".debug_") || section.name.starts_with(b".rel.debug_");
    }
    builder.delete_orphans();
    // LLVM keeps names of sections among those of symbols; the builder does not.
    let names = builder.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = object::build::elf::SectionData::SectionString;
    let mut bytes = Vec::new();
    builder.write(&mut bytes)?;
    Ok(bytes)
}

/// Returns the commit for `skep version`: from the environment, from git, or "unknown".
fn commit() -> String {
    if let Ok(commit) = env::var("SKEP_GIT_COMMIT") {
        return commit;
    }
    Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(
            || "unknown".into(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
}
