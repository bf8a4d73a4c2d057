//! `skep top`: lists for scripts, and a terminal that is given back.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Stdio},
};

use insta::assert_snapshot;
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::run::{Home, Outcome, end, repository};

fn flows() -> String {
    let path = repository().join("tests/fixtures/graph/flows.json");
    path.to_str().expect("a path of the repository is text").to_owned()
}

fn once(args: &[&str]) -> Outcome {
    let flows = flows();
    Home::new().run(&[&["top", "--input-file", &flows], args].concat())
}

#[test]
fn without_a_terminal_it_prints_a_list() {
    assert_snapshot!(once(&["--tab", "drops"]), @r#"
code: 0
--- stdout
REASON         SOURCE                           DESTINATION  PORT      DROPPED  LAST SEEN             POLICY
POLICY_DENIED  shop/<b>"x"&'\u{1b}[31m\u{202e}  shop/api     8080/TCP  1        2026-11-24T12:00:14Z  NetworkPolicy shop/default-deny
--- stderr
21 flows, 1 dropped, 0 lost
"#);
    assert_eq!(once(&["--once", "--tab", "edges"]).stdout, once(&[]).stdout);
}

#[test]
fn lists_are_json_for_scripts() {
    for (tab, kind, count) in [
        ("edges", "FlowEdgeList", 18),
        ("workloads", "FlowWorkloadList", 11),
        ("drops", "FlowDropList", 1),
        ("policies", "FlowPolicyList", 1),
    ] {
        let list = once(&["--once", "-o", "json", "--tab", tab]).json();
        assert_eq!(list["kind"], kind);
        assert_eq!(list["items"].as_array().expect("a list").len(), count, "{tab}");
    }
    assert_eq!(once(&["-o", "json"]).code, Some(2), "a format is for --once");
    assert_eq!(once(&["--port", "x"]).code, Some(2));
    assert_eq!(Home::new().run(&["top", "--once"]).code, Some(3), "there is no agent");
}

/// `skep top` on a terminal of 80 by 24.
struct Terminal {
    child: Child,
    master: File,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(home: &Home, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("it may be used");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("it has a size");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let name = name.into_string().expect("names of terminals are text");
        let end = || {
            let file = File::options().read(true).write(true).open(&name);
            Stdio::from(file.expect("the other end is there"))
        };
        let child = home.command(args).stdin(end()).stdout(end()).stderr(end()).spawn();
        let child = child.expect("the binary runs");
        Self { child, master: File::from(master), seen: Vec::new() }
    }

    /// Reads until something is shown, or the other end is closed.
    fn read_until(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            match self.master.read(&mut buffer) {
                Ok(count) if count > 0 => self.seen.extend_from_slice(&buffer[..count]),
                _ => panic!("{text:?} never came: {}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("it takes keys");
    }
}

#[test]
fn the_terminal_is_given_back() {
    for key in ["q", "\u{3}"] {
        let home = Home::new();
        let mut terminal = Terminal::start(&home, &["top", "--input-file", &flows()]);
        terminal.read_until("8080/TCP");
        terminal.type_in("/--no-such-flag\r");
        terminal.read_until("unexpected argument");
        terminal.type_in("3");
        terminal.read_until("POLICY_DENIED");
        terminal.type_in(key);
        assert_eq!(end(&mut terminal.child, || {}).code(), Some(0));
        terminal.read_until("\u{1b}[?1049l");
        let shown = String::from_utf8_lossy(&terminal.seen).into_owned();
        assert!(!shown.contains("\u{1b}[31mu"), "names do not reach the terminal as they are");
    }
}
