//! tcpdump, so run that it loses nothing.
//!
//! In: a place, an interface. Out: a capture file, complete when asked for.
//! Must not know: what is captured.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Place;
use super::process::{Process, until};

/// A running capture.
pub struct Tcpdump {
    process: Process,
    file: PathBuf,
}

/// How long an interface must be silent before a capture of it is complete.
const SILENCE: Duration = Duration::from_millis(300);

impl Tcpdump {
    /// Begins to capture what passes the filter.
    pub fn on(place: &Place, interface: &str, filter: &str) -> Self {
        let file = place.path("watched.pcap");
        let mut command = place.command("tcpdump");
        command.args(["-i", interface, "-U", "--immediate-mode", "-Z", "root", "-n", "--time-stamp-precision=nano"]);
        // Every packet takes a place as long as the longest; 64 MiB of them, lest a busy machine drops some.
        command.args(["-s", "65550", "-B", "65536", "-w"]).arg(&file).arg(filter);
        let mut process = Process::start(command, &place.path(""));
        until(Duration::from_secs(10), || {
            assert!(process.is_running(), "{}", process.said());
            process.said().contains("listening on")
        })
        .unwrap_or_else(|| panic!("tcpdump does not listen: {}", process.said()));
        Self { process, file }
    }

    /// The file, which grows.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Waits until nothing more comes, and says where everything is that came. `LYNCAP_KEEP_CAPTURES` names a folder for
    /// a copy by this name.
    pub fn end(mut self, name: &str) -> PathBuf {
        let size = || fs::metadata(&self.file).map_or(0, |metadata| metadata.len());
        let (mut last, mut since) = (size(), Instant::now());
        until(Duration::from_secs(3), || {
            if size() != last {
                (last, since) = (size(), Instant::now());
            }
            since.elapsed() > SILENCE
        });
        self.process.signal("INT");
        let ended = self.process.end_within(Duration::from_secs(5));
        assert!(ended.is_some_and(|status| status.success()), "{}", self.process.said());
        assert!(self.process.said().contains("\n0 packets dropped by kernel"), "{}", self.process.said());
        if let Some(folder) = std::env::var_os("LYNCAP_KEEP_CAPTURES") {
            fs::copy(&self.file, PathBuf::from(folder).join(format!("{name}.pcap"))).unwrap();
        }
        self.file
    }
}
