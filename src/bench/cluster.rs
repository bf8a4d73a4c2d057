//! Rows about whole labs: how long they take to come and go, adding pods, memory, start.

use std::{
    fs,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    catalogue::{Group, RowSpec},
    cni::CniTimes,
    error::BenchError,
    fill::Filled,
    goal::Goal,
    report::Row,
    run::Findings,
};

const LAB_UP: &str = "lab-up";
const LAB_DOWN: &str = "lab-down";
const AGENT_RSS: &str = "agent-rss";
const FULL_RSS: &str = "agent-rss-full";
const VERSION: &str = "version-start";
const CNI_ADD: &str = "cni-add";
const CNI_DEL: &str = "cni-del";
const CNI_BURST: &str = "cni-burst";
const CNI_RATE: &str = "cni-burst-rate";

/// Times that a lab is brought up and taken down.
const LABS: usize = 3;
/// Times that the program is started.
const STARTS: usize = 50;
/// Readings of the agent's memory.
const READINGS: usize = 5;
const READING_PAUSE: Duration = Duration::from_millis(200);
/// CNI calls one after the other, and at once.
const CALLS: u32 = 50;
const BURST: u32 = 100;
/// Where labs keep a node's network lists and plugins, as the node sees them.
const CNI_CONF: &str = "/run/lab/cni/net.d";
const CNI_BIN: &str = "/run/lab/cni/bin";
/// Every lab has a node of this name.
const NODE: &str = "node-1";
/// How often a running command is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Returns the rows of these groups.
pub(super) fn rows() -> Vec<RowSpec> {
    let row = RowSpec::new;
    let at_most = Goal::AtMost;
    vec![
        row(CNI_ADD, Group::Cni, "ms", at_most(5.0), "one CNI ADD on a node with 30 pods, p50"),
        row(CNI_DEL, Group::Cni, "ms", at_most(5.0), "one CNI DEL on a node with 30 pods, p50"),
        row(CNI_BURST, Group::Cni, "errors", at_most(0.0), "100 CNI ADDs at once"),
        row(CNI_RATE, Group::Cni, "ADD/s", Goal::AtLeast(250.0), "100 CNI ADDs at once"),
        row(AGENT_RSS, Group::Process, "MiB", at_most(40.0), "memory of an agent with 30 pods"),
        row(
            FULL_RSS,
            Group::Process,
            "MiB",
            at_most(76.3),
            "memory of an agent with 30 pods and as many flows as it keeps",
        ),
        row(VERSION, Group::Process, "ms", at_most(5.0), "start to end of `skep version`, p50"),
        row(LAB_UP, Group::Lab, "s", at_most(8.0), "a lab with 3 nodes and 10 pods Running"),
        row(LAB_DOWN, Group::Lab, "s", at_most(2.0), "taking that lab down"),
    ]
}

/// Measures the chosen rows of these groups. What fails costs its rows, with a note.
///
/// # Errors
/// When the run is cancelled.
pub(super) fn measure_all(
    rows: &[RowSpec],
    program: &Path,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    let chosen = |names: &[&str]| rows.iter().any(|row| names.contains(&row.name.as_str()));
    let mut bench = Bench { rows, program, findings };
    type Part<'a, 'f> = fn(&mut Bench<'a, 'f>) -> Result<(), BenchError>;
    let parts: [(&[&str], Part<'_, '_>); 3] = [
        (&[VERSION], Bench::version),
        (&[LAB_UP, LAB_DOWN], Bench::labs),
        (&[CNI_ADD, CNI_DEL, CNI_BURST, CNI_RATE, AGENT_RSS, FULL_RSS], Bench::node),
    ];
    for (names, part) in parts {
        if !chosen(names) {
            continue;
        }
        match part(&mut bench) {
            Err(BenchError::Cancelled) => return Err(BenchError::Cancelled),
            Err(error) => bench.findings.note_error(&error),
            Ok(()) => {}
        }
    }
    Ok(())
}

struct Bench<'a, 'f> {
    rows: &'a [RowSpec],
    program: &'a Path,
    findings: &'a mut Findings<'f>,
}

impl Bench<'_, '_> {
    fn add(&mut self, name: &str, values: &[f64]) {
        if let Some(spec) = self.rows.iter().find(|row| row.name == name) {
            self.findings.add(Row::absolute(spec, values));
        }
    }

    fn run(&self, args: &[&str], input: &str) -> Result<(Duration, String), BenchError> {
        run(self.program, args, input, || self.findings.check())
    }

    fn version(&mut self) -> Result<(), BenchError> {
        self.findings.step("starts of `skep version`")?;
        let times = (0..STARTS)
            .map(|_| {
                let start = Instant::now();
                let status = Command::new(self.program)
                    .arg("version")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                let took = start.elapsed();
                let failed =
                    |source| BenchError::Command { command: "skep version".into(), source };
                match status.map_err(failed)? {
                    status if status.success() => Ok(took.as_secs_f64() * 1000.0),
                    status => Err(failed(io::Error::other(status.to_string()))),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.add(VERSION, &times);
        Ok(())
    }

    fn labs(&mut self) -> Result<(), BenchError> {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for number in 0..LABS {
            self.findings
                .step(&format!("lab {} of {LABS} with 3 nodes and 10 pods", number + 1))?;
            let lab = Lab::new(self.program);
            let (took, _) = lab.up(3, 10, || self.findings.check())?;
            up.push(took.as_secs_f64());
            down.push(lab.down()?.as_secs_f64());
        }
        self.add(LAB_UP, &up);
        self.add(LAB_DOWN, &down);
        Ok(())
    }

    fn memory(&mut self, row: &str, lab: &Lab<'_>) {
        let mut readings = Vec::new();
        for _ in 0..READINGS {
            readings.extend(agent_memory(&lab.name));
            thread::sleep(READING_PAUSE);
        }
        self.add(row, &readings);
        if readings.is_empty() {
            self.findings.note("the lab has no process of an agent to read the memory of".into());
        }
    }

    /// Memory once the agent keeps as many flows as it ever will.
    fn full(&mut self, lab: &Lab<'_>) -> Result<(), BenchError> {
        if !self.rows.iter().any(|row| row.name == FULL_RSS) {
            return Ok(());
        }
        self.findings.step("as many flows as an agent keeps")?;
        let program = self.program.to_string_lossy();
        let fill = ["lab", "exec", "--name", &lab.name, NODE, "--", &program, "bench", "fill"];
        let (_, answer) = self.run(&fill, "")?;
        let Filled { stored, room } = serde_json::from_str(&answer).map_err(|error| {
            BenchError::Command { command: "skep bench fill".into(), source: error.into() }
        })?;
        self.findings.note(format!("{FULL_RSS}: the agent keeps {stored} flows of {room}"));
        self.memory(FULL_RSS, lab);
        Ok(())
    }

    fn node(&mut self) -> Result<(), BenchError> {
        self.findings.step("a lab with 1 node and 30 pods")?;
        let lab = Lab::new(self.program);
        lab.up(1, 30, || self.findings.check())?;
        self.memory(AGENT_RSS, &lab);
        self.full(&lab)?;

        self.findings.step("CNI ADD and DEL")?;
        let program = self.program.to_string_lossy();
        let (calls, burst) = (CALLS.to_string(), BURST.to_string());
        let worker = [
            "lab",
            "exec",
            "--name",
            &lab.name,
            NODE,
            "--",
            &program,
            "bench",
            "cni",
            "--conf-dir",
            CNI_CONF,
            "--bin-dir",
            CNI_BIN,
            "--calls",
            &calls,
            "--burst",
            &burst,
        ];
        let (_, answer) = self.run(&worker, "")?;
        let times: CniTimes = serde_json::from_str(&answer).map_err(|error| {
            BenchError::Command { command: "skep bench cni".into(), source: error.into() }
        })?;
        self.add(CNI_ADD, &times.add);
        self.add(CNI_DEL, &times.del);
        self.add(CNI_BURST, &[times.burst_failed.into()]);
        self.add(CNI_RATE, &[times.burst_rate]);
        if let Some(failure) = times.failure {
            self.findings.note(format!("an ADD of the burst failed: {failure}"));
        }
        Ok(())
    }
}

/// A lab that goes away with this value.
struct Lab<'a> {
    name: String,
    program: &'a Path,
}

impl<'a> Lab<'a> {
    fn new(program: &'a Path) -> Self {
        Self { name: format!("bench-{}", std::process::id()), program }
    }

    fn up(
        &self,
        nodes: u32,
        pods: u32,
        check: impl Fn() -> Result<(), BenchError>,
    ) -> Result<(Duration, String), BenchError> {
        let nodes = nodes.to_string();
        let args = ["lab", "up", "--name", &self.name, "--nodes", &nodes, "-f", "-", "-q"];
        run(self.program, &args, &manifest(pods), check)
    }

    fn down(&self) -> Result<Duration, BenchError> {
        let args = ["lab", "down", "--name", &self.name, "-q"];
        run(self.program, &args, "", || Ok(())).map(|(took, _)| took)
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.down() {
            tracing::warn!(lab = self.name, %error, "cannot take a lab down");
        }
    }
}

fn manifest(pods: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: bench, namespace: default}}\n\
         spec:\n  replicas: {pods}\n  selector: {{matchLabels: {{app: bench}}}}\n  template:\n    \
         metadata: {{labels: {{app: bench}}}}\n    spec:\n      containers:\n      - name: server\n        \
         image: bench\n        ports: [{{containerPort: 8080}}]\n"
    )
}

/// Runs this program to its end and returns how long that took and what it printed. When `check`
/// fails, the command is asked to end, and is waited for.
pub(super) fn run(
    program: &Path,
    args: &[&str],
    input: &str,
    check: impl Fn() -> Result<(), BenchError>,
) -> Result<(Duration, String), BenchError> {
    let command = || format!("skep {}", args.iter().take(2).copied().collect::<Vec<_>>().join(" "));
    let failed = |source| BenchError::Command { command: command(), source };
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the bench, which then ends what it runs.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(input.as_bytes()).map_err(failed)?;
    drop(stdin);
    let mut checked = Ok(());
    // What these commands print fits into a pipe.
    while child.try_wait().map_err(failed)?.is_none() {
        if checked.is_ok() {
            checked = check();
            if checked.is_err() {
                let child = Pid::from_raw(child.id().cast_signed());
                kill(child, Signal::SIGTERM).map_err(|error| failed(error.into()))?;
            }
        }
        thread::sleep(LOOK);
    }
    let took = start.elapsed();
    let output = child.wait_with_output().map_err(failed)?;
    checked?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(failed(io::Error::other(format!("{}: {said}", output.status))));
    }
    Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Returns the resident memory of the lab's agent in MiB.
fn agent_memory(lab: &str) -> Option<f64> {
    let processes = fs::read_dir("/proc").ok()?;
    let agent = processes.filter_map(|entry| Some(entry.ok()?.path())).find(|process| {
        let group = format!("/skep-lab/{lab}/");
        let read = |file: &str| fs::read_to_string(process.join(file)).unwrap_or_default();
        read("cgroup").contains(&group) && read("cmdline").split('\0').nth(1) == Some("agent")
    })?;
    let status = fs::read_to_string(agent.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
